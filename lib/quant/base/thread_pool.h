// SPDX-License-Identifier: MIT
// A fixed set of threads that share loops. No futures, no queues: a kernel splits its rows into
// tasks, and every task writes memory of its own, so the number of threads never changes a result.
// A network is a hundred such loops of some µs each, and a core needs a quarter of a µs to see what
// another has written. So threads go through a network together and meet only where loops end; who
// waits looks for a moment before it goes to sleep; and nobody waits for a thread that has no core
// to run on: others take its part.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace quant {

class ThreadPool {
 public:
  // `threads` counts the calling thread, so 1 starts none. 0 takes the number of cores.
  explicit ThreadPool(int threads = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(index, worker) for every index in [0, count) and returns when all are done. worker
  // lies in [0, threads()) and is never used by two tasks at the same time: scratch memory can be
  // indexed by it. One caller at a time (callers are serialised). Tasks must not throw and must not
  // call run().
  void run(std::int64_t count, const std::function<void(std::int64_t index, int worker)>& task);

  // Calls program() on every thread; those calls of run() inside are the same loops for all, whose
  // tasks they share. So every thread must come to the same loops in the same order, and what lies
  // between them is done by each thread and must not write what another reads. Returns when the
  // caller's is through and no other thread is left inside: one that was waiting in run() while the
  // others came to the end does not come back from there (its stack is unwound). One caller at a
  // time, as run(); programs must not throw, catch everything, or call run_together().
  void run_together(const std::function<void()>& program);

 private:
  // A number of a loop above, an index below: kIndexBits of it.
  using Ticket = std::uint64_t;

  static constexpr std::size_t kCacheLine = 64;
  static constexpr std::uint32_t kNone = 0;
  // What others look at lies apart from what they rarely take from.
  struct Seat {
    alignas(kCacheLine) std::atomic<Ticket> next = 0;  // of its part, what nobody has taken
    alignas(kCacheLine) std::atomic<Ticket> done = 0;  // tasks that this thread did in the loop
    alignas(kCacheLine) std::uint64_t loops = 0;       // so far; its thread's alone
    std::atomic<bool> inside = false;                  // the program, as a worker
  };
  struct Loop;

  void work(int worker);
  bool enter(Seat& seat, std::uint32_t generation);
  void share(Loop& loop);
  void drain(Loop& loop, std::size_t part);
  bool is_done(const Loop& loop) const;

  std::vector<std::thread> workers_;
  std::mutex caller_mutex_;
  // Written while nobody is inside, read by who came in.
  const std::function<void()>* program_ = nullptr;
  std::uint64_t loops_before_ = 0;
  std::vector<Seat> seats_;                                        // one per thread
  alignas(kCacheLine) std::atomic<std::uint32_t> generation_ = 0;  // programs so far: wakes workers
  // The generation that workers may enter; kNone between programs.
  alignas(kCacheLine) std::atomic<std::uint32_t> open_ = kNone;
  std::atomic<bool> stop_ = false;
};

}  // namespace quant
