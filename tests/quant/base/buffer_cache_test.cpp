// SPDX-License-Identifier: MIT
// Memory that goes round: what is taken again, what goes back, who may outlive whom.
#include "quant/base/buffer_cache.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "quant/base/aligned_buffer.h"

namespace quant {
namespace {

constexpr std::size_t kBlock = 4 * BufferCache::kSmallest;

TEST(BufferCache, TakesAFreedBlockOfAboutTheSizeAgain) {
  const auto cache = BufferCache::create();
  auto first = cache->take(kBlock);
  const std::byte* const memory = first.get();
  EXPECT_NE(cache->take(kBlock).get(), memory) << "in use";
  first.reset();
  EXPECT_NE(cache->take(kBlock / 2).get(), memory) << "too large for this";
  EXPECT_NE(cache->take(kBlock + 1).get(), memory) << "too small for this";
  const auto a = cache->take(kBlock - 100);
  const auto b = cache->take(kBlock - 100);
  EXPECT_TRUE(a.get() == memory || b.get() == memory);
}

TEST(BufferCache, ABlockKeepsItsSizeWhenSmallerOnesUseIt) {
  const auto cache = BufferCache::create();
  const std::byte* const memory = cache->take(kBlock).get();
  EXPECT_EQ(cache->take(kBlock - 100).get(), memory);
  EXPECT_EQ(cache->take(kBlock).get(), memory);
}

TEST(BufferCache, BuffersComeFromTheInnermostScopeOfTheirThread) {
  const auto outer = BufferCache::create();
  const auto inner = BufferCache::create();
  EXPECT_EQ(BufferCache::current(), nullptr);
  {
    const BufferCache::Scope one(*outer);
    {
      const BufferCache::Scope two(*inner);
      EXPECT_EQ(BufferCache::current(), inner.get());
    }
    EXPECT_EQ(BufferCache::current(), outer.get());
    std::thread([] { EXPECT_EQ(BufferCache::current(), nullptr); }).join();
  }
  EXPECT_EQ(BufferCache::current(), nullptr);
}

TEST(BufferCache, NewBuffersAreZeroThoughTheirMemoryWasUsed) {
  const auto cache = BufferCache::create();
  const BufferCache::Scope scope(*cache);
  const std::byte* memory = nullptr;
  {
    AlignedBuffer used(kBlock);
    memory = used.data();
    std::memset(used.data(), 7, kBlock);
  }
  const AlignedBuffer fresh(kBlock);
  EXPECT_EQ(fresh.data(), memory);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % kBufferAlignment, 0U);
  EXPECT_TRUE(std::all_of(fresh.data(), fresh.data() + kBlock,
                          [](std::byte b) { return b == std::byte{0}; }));
}

TEST(BufferCache, BlocksMayOutliveIt) {
  auto cache = BufferCache::create();
  const auto block = cache->take(kBlock);
  cache.reset();
  std::memset(block.get(), 1, kBlock);
}

TEST(BufferCache, TrimFreesWhatARoundDidNotUse) {
  const auto cache = BufferCache::create();
  const std::byte* const memory = cache->take(kBlock).get();
  cache->trim();  // used in the round that ends here
  EXPECT_EQ(cache->take(kBlock).get(), memory);
  cache->trim();
  cache->trim();
  // Nothing left to compare with: a leak checker sees whether the blocks were freed.
  EXPECT_NE(cache->take(kBlock).get(), nullptr);
}

TEST(BufferCache, ThreadsMayShareIt) {
  const auto cache = BufferCache::create();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto block = cache->take(kBlock + static_cast<std::size_t>(i));
        *block = std::byte{1};
        if (i % 50 == 0) cache->trim();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace quant
