// SPDX-License-Identifier: MIT
// A fixed set of threads that share one loop at a time. No futures, no queues: a kernel splits its
// rows into tasks, and every task writes memory of its own, so the number of threads never changes
// a result. A network is a hundred such loops of some µs each: who waits for the next one looks for
// it for a moment before it goes to sleep, and nobody waits for a thread that has no core to run
// on.
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

 private:
  void work(int worker);
  void drain(int worker);

  static constexpr std::size_t kCacheLine = 64;
  struct alignas(kCacheLine) Part {
    std::atomic<std::int64_t> next = 0;  // index that nobody has taken
    std::int64_t end = 0;
  };

  std::vector<std::thread> workers_;
  std::mutex caller_mutex_;
  // Of the loop. Written while the gate is shut and nobody is in, read by who came in.
  const std::function<void(std::int64_t, int)>* task_ = nullptr;
  std::vector<Part> parts_;                                        // one per thread
  alignas(kCacheLine) std::atomic<std::uint32_t> generation_ = 0;  // loops so far: wakes workers
  // kOpen while there is work, plus the number of workers inside.
  alignas(kCacheLine) std::atomic<std::uint32_t> gate_ = 0;
  std::atomic<bool> stop_ = false;
};

}  // namespace quant
