// SPDX-License-Identifier: MIT
// Every index once, no worker twice at a time, and nobody is waited for who has nothing to do.
#include "quant/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace quant {
namespace {

TEST(ThreadPool, EveryIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int loop = 0; loop < 300; ++loop) {
      const std::int64_t count = loop % 23;
      std::vector<std::atomic<int>> calls(23);
      pool.run(count, [&](std::int64_t index, int) { ++calls[static_cast<std::size_t>(index)]; });
      for (std::int64_t i = 0; i < 23; ++i)
        EXPECT_EQ(calls[static_cast<std::size_t>(i)], i < count ? 1 : 0) << threads << " " << count;
    }
  }
}

TEST(ThreadPool, AWorkerIsInOneTaskAtATime) {
  constexpr int kThreads = 4;
  ThreadPool pool(kThreads);
  std::vector<std::atomic<int>> inside(kThreads);
  std::atomic<bool> twice = false;
  for (int loop = 0; loop < 200; ++loop) {
    pool.run(16, [&](std::int64_t, int worker) {
      ASSERT_GE(worker, 0);
      ASSERT_LT(worker, kThreads);
      if (inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) twice = true;
      std::this_thread::yield();
      --inside[static_cast<std::size_t>(worker)];
    });
  }
  EXPECT_FALSE(twice);
}

// Plain memory: what one loop writes the next one reads, whichever threads they ran on.
TEST(ThreadPool, LoopsSeeWhatWasWrittenBefore) {
  ThreadPool pool(3);
  std::vector<std::int64_t> values(64, 0);
  for (int loop = 0; loop < 250; ++loop) {
    pool.run(64, [&](std::int64_t index, int) { ++values[static_cast<std::size_t>(index)]; });
    pool.run(64, [&](std::int64_t index, int) { ++values[static_cast<std::size_t>(63 - index)]; });
  }
  for (const std::int64_t value : values) EXPECT_EQ(value, 500);
}

// Plain memory again: no two loops run at a time.
TEST(ThreadPool, CallersTakeTurns) {
  ThreadPool pool(2);
  std::vector<std::int64_t> values(4, 0);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 3; ++caller) {
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; ++loop) {
        pool.run(loop % 5,
                 [&](std::int64_t index, int) { ++values[static_cast<std::size_t>(index)]; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(values, (std::vector<std::int64_t>{480, 360, 240, 120}));
}

// Threads asleep come for work again.
TEST(ThreadPool, WakesBehindAPause) {
  ThreadPool pool(2);
  for (int loop = 0; loop < 5; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<bool> other = false;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    pool.run(2, [&](std::int64_t, int worker) {
      if (worker == 1) other = true;
      // The caller leaves the second index to the other thread.
      while (worker == 0 && !other && std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    });
    EXPECT_TRUE(other);
  }
}

}  // namespace
}  // namespace quant
