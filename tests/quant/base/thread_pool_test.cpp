// SPDX-License-Identifier: MIT
// Every index once, no worker twice at a time, and nobody is waited for who has nothing to do.
#include "quant/base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// Plain memory: loops of all lengths, each of which reads what the one before has written.
TEST(ThreadPool, LoopsOfAProgramFollowEachOther) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 20; ++round) {
      std::vector<std::int64_t> values(23, 0);
      pool.run_together([&] {
        for (std::int64_t loop = 1; loop <= 100; ++loop) {
          const std::int64_t count = loop % 24;
          pool.run(count, [&](std::int64_t index, int) {
            const auto at = static_cast<std::size_t>(index);
            values[at] += loop % 2 == 0 ? 1 : 2;
          });
          pool.run(1, [&](std::int64_t, int) {
            for (std::int64_t& value : values) value = value * 3 % 1009;
          });
        }
      });
      for (std::int64_t i = 0; i < 23; ++i) {
        std::int64_t expected = 0;
        for (std::int64_t loop = 1; loop <= 100; ++loop) {
          if (i < loop % 24) expected += loop % 2 == 0 ? 1 : 2;
          expected = expected * 3 % 1009;
        }
        EXPECT_EQ(values[static_cast<std::size_t>(i)], expected) << threads << " " << i;
      }
    }
  }
}

// A thread that stays away from all loops of a program, until the others are through with them, is
// not waited for in any of them, and takes nothing of what is over.
TEST(ThreadPool, OthersDoThePartOfWhoIsLate) {
  ThreadPool pool(3);
  const auto caller = std::this_thread::get_id();
  for (int round = 0; round < 20; ++round) {
    std::vector<std::int64_t> values(16, 0);
    std::atomic<bool> through = false;
    std::atomic<bool> waited = false;
    pool.run_together([&] {
      const bool late = std::this_thread::get_id() != caller;
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (late && !through && !waited) {
        std::this_thread::yield();
        if (std::chrono::steady_clock::now() > end) waited = true;
      }
      for (int loop = 0; loop < 10; ++loop)
        pool.run(16, [&](std::int64_t index, int) { ++values[static_cast<std::size_t>(index)]; });
      if (!late) through = true;
    });
    EXPECT_FALSE(waited);
    EXPECT_EQ(values, std::vector<std::int64_t>(16, 10));
  }
}

// More tasks than a ticket has indices for.
TEST(ThreadPool, ManyMillionTasks) {
  constexpr std::int64_t kCount = (std::int64_t{1} << 24) + 12345;
  ThreadPool pool(2);
  std::vector<std::uint8_t> calls(kCount, 0);
  pool.run(kCount, [&](std::int64_t index, int) { ++calls[static_cast<std::size_t>(index)]; });
  EXPECT_EQ(std::count(calls.begin(), calls.end(), 1), kCount);
}

// A task may use another pool.
TEST(ThreadPool, PoolsInPools) {
  ThreadPool outer(2);
  std::vector<std::int64_t> sums(6, 0);
  outer.run(6, [&](std::int64_t index, int) {
    ThreadPool inner(2);
    std::atomic<std::int64_t> sum = 0;
    inner.run(10, [&](std::int64_t i, int) { sum += i; });
    sums[static_cast<std::size_t>(index)] = sum;
  });
  EXPECT_EQ(sums, std::vector<std::int64_t>(6, 45));
}

}  // namespace
}  // namespace quant
