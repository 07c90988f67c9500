// SPDX-License-Identifier: MIT
#include "quant/base/thread_pool.h"

#include <algorithm>

namespace quant {
namespace {

// About 40 µs: longer than most steps that one thread does alone between two loops, and far shorter
// than a frame.
constexpr int kLooks = 2000;
constexpr std::uint32_t kOpen = 1U << 31;

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

}  // namespace

ThreadPool::ThreadPool(int threads)
    : parts_(static_cast<std::size_t>(
          threads > 0 ? threads
                      : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())))) {
  threads = static_cast<int>(parts_.size());
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
  const std::lock_guard caller(caller_mutex_);
  if (count == 1) return task(0, 0);
  task_ = &task;
  const auto threads = static_cast<std::int64_t>(parts_.size());
  for (std::int64_t i = 0; i < threads; ++i) {
    Part& part = parts_[static_cast<std::size_t>(i)];
    part.next.store(count * i / threads, std::memory_order_relaxed);
    part.end = count * (i + 1) / threads;
  }
  gate_.fetch_or(kOpen, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  drain(0);
  // Whoever did not come in finds the gate shut.
  std::uint32_t inside = gate_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  while (inside != 0) {
    await_change(gate_, inside);
    inside = gate_.load(std::memory_order_acquire);
  }
}

void ThreadPool::drain(int worker) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[(static_cast<std::size_t>(worker) + i) % parts_.size()];
    for (;;) {
      const std::int64_t index = part.next.fetch_add(1, std::memory_order_relaxed);
      if (index >= part.end) break;
      (*task_)(index, worker);
    }
  }
}

void ThreadPool::work(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    await_change(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_acquire)) return;
    if ((gate_.fetch_add(1, std::memory_order_acq_rel) & kOpen) != 0) drain(worker);
    if (gate_.fetch_sub(1, std::memory_order_acq_rel) == 1) gate_.notify_one();
  }
}

}  // namespace quant
