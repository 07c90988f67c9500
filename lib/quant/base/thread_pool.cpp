// SPDX-License-Identifier: MIT
#include "quant/base/thread_pool.h"

#include <algorithm>

namespace quant {
namespace {

// About 40 µs: longer than most steps that one thread does alone between two loops, and far shorter
// than a frame.
constexpr int kLooks = 2000;
// Looks before a thread takes what another has not begun: that one may just have come a bit later.
constexpr int kPatience = 50;
constexpr int kIndexBits = 24;
constexpr std::uint64_t kIndexMask = (std::uint64_t{1} << kIndexBits) - 1;

// The program that this thread is in, and as whom.
struct Inside {
  const ThreadPool* pool = nullptr;
  int seat = 0;
  std::uint32_t generation = 0;
};
thread_local Inside inside;

// Unwinds a worker's stack out of a program that is over.
struct Over {};

class Entered {
 public:
  explicit Entered(const Inside& now) : outer_(inside) { inside = now; }
  ~Entered() { inside = outer_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Inside outer_;
};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Returns when `value` is not `old` any more.
template <typename T>
void await_change(const std::atomic<T>& value, T old) {
  for (int look = 0; look < kLooks; ++look) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

// Loops from the one of the number to that of the ticket, times a constant: negative for one that
// is over.
std::int64_t distance(std::uint64_t ticket, std::uint64_t number) {
  return static_cast<std::int64_t>((ticket & ~kIndexMask) - (number << kIndexBits));
}

}  // namespace

struct ThreadPool::Loop {
  std::uint64_t number;
  std::int64_t count;
  const std::function<void(std::int64_t, int)>& task;
  int seat;                                        // whose thread this is
  std::int64_t grain = (count >> kIndexBits) + 1;  // indices that are taken at once
  std::int64_t units = (count + grain - 1) / grain;
  std::uint64_t made = 0;  // units, by this thread

  Ticket ticket(std::int64_t index) const {
    return number << kIndexBits | static_cast<std::uint64_t>(index);
  }
};

ThreadPool::ThreadPool(int threads)
    : seats_(static_cast<std::size_t>(
          threads > 0 ? threads
                      : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())))) {
  threads = static_cast<int>(seats_.size());
  workers_.reserve(static_cast<std::size_t>(threads) - 1);
  for (int worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::int64_t count, const std::function<void(std::int64_t, int)>& task) {
  if (count <= 0) return;
  if (workers_.empty()) {
    for (std::int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  const auto shared = [&] {
    Loop loop{++seats_[static_cast<std::size_t>(inside.seat)].loops, count, task, inside.seat};
    share(loop);
  };
  if (inside.pool == this) return shared();
  if (count > 1) return run_together(shared);
  const std::lock_guard caller(caller_mutex_);
  task(0, 0);
}

void ThreadPool::run_together(const std::function<void()>& program) {
  if (workers_.empty()) return program();
  const std::lock_guard caller(caller_mutex_);
  program_ = &program;
  loops_before_ = seats_[0].loops;
  const std::uint32_t last = generation_.load(std::memory_order_relaxed);
  const std::uint32_t generation = last + 1 == kNone ? last + 2 : last + 1;
  open_.store(generation, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  generation_.notify_all();
  {
    const Entered entered({this, 0, generation});
    program();
  }
  // Who comes from here on finds it shut (see enter); who is inside does a task.
  open_.exchange(kNone);
  for (const Seat& seat : seats_) {
    for (int look = 0; seat.inside.load(); ++look) {
      if (look < kLooks) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }
}

// A worker says that it is inside and then looks whether it may be; the caller shuts and then looks
// who is inside: in one order for all, so that one of the two sees the other.
bool ThreadPool::enter(Seat& seat, std::uint32_t generation) {
  seat.inside.exchange(true);
  if (open_.load() == generation) return true;
  seat.inside.store(false, std::memory_order_release);
  return false;
}

// A loop is over when all of its units are done, by whomever.
void ThreadPool::share(Loop& loop) {
  const auto own = static_cast<std::size_t>(loop.seat);
  const auto say = [&] {
    seats_[own].done.store(loop.ticket(static_cast<std::int64_t>(loop.made)),
                           std::memory_order_release);
  };
  drain(loop, own);
  say();
  if (is_done(loop)) return;
  // A worker waits outside, so that nobody has to wait for one that loses its core here.
  const bool worker = own != 0;
  if (worker) seats_[own].inside.store(false, std::memory_order_release);
  for (std::int64_t look = 1; !is_done(loop); ++look) {
    if (look % kPatience == 0) {
      if (worker && !enter(seats_[own], inside.generation)) throw Over();
      const std::uint64_t before = loop.made;
      for (std::size_t i = 1; i < seats_.size(); ++i) drain(loop, (own + i) % seats_.size());
      if (loop.made != before) say();
      if (worker) seats_[own].inside.store(false, std::memory_order_release);
    }
    if (look < kLooks) {
      pause();
    } else {
      std::this_thread::yield();  // to one without whom this does not end
    }
  }
  if (worker && !enter(seats_[own], inside.generation)) throw Over();
}

// Does what is left of one thread's part.
void ThreadPool::drain(Loop& loop, std::size_t part) {
  const auto threads = static_cast<std::int64_t>(seats_.size());
  // Odd ones to the first: what one thread does alone, the caller does.
  const auto first_of = [&](std::size_t index) {
    return (loop.units * static_cast<std::int64_t>(index) + threads - 1) / threads;
  };
  const std::int64_t begin = first_of(part);
  const std::int64_t end = first_of(part + 1);
  if (begin == end) return;
  std::atomic<Ticket>& next = seats_[part].next;
  Ticket seen = next.load(std::memory_order_acquire);
  for (;;) {
    const std::int64_t ahead = distance(seen, loop.number);
    if (ahead > 0) return;  // the loop is over
    const std::int64_t unit = ahead == 0 ? static_cast<std::int64_t>(seen & kIndexMask) : begin;
    if (unit == end) return;
    if (!next.compare_exchange_weak(seen, loop.ticket(unit + 1), std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      continue;
    }
    seen = loop.ticket(unit + 1);
    const std::int64_t last = std::min(loop.count, (unit + 1) * loop.grain);
    for (std::int64_t index = unit * loop.grain; index < last; ++index) loop.task(index, loop.seat);
    ++loop.made;
  }
}

bool ThreadPool::is_done(const Loop& loop) const {
  std::int64_t made = 0;
  for (const Seat& seat : seats_) {
    const Ticket done = seat.done.load(std::memory_order_acquire);
    const std::int64_t ahead = distance(done, loop.number);
    if (ahead > 0) return true;  // that thread has seen the end of this one
    if (ahead == 0) made += static_cast<std::int64_t>(done & kIndexMask);
  }
  return made == loop.units;
}

void ThreadPool::work(int worker) {
  Seat& seat = seats_[static_cast<std::size_t>(worker)];
  std::uint32_t seen = kNone;
  for (;;) {
    await_change(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_acquire)) return;
    if (!enter(seat, seen)) continue;
    seat.loops = loops_before_;
    const Entered entered({this, worker, seen});
    try {
      (*program_)();
    } catch (const Over&) {
      continue;  // and outside already
    }
    seat.inside.store(false, std::memory_order_release);
  }
}

}  // namespace quant
