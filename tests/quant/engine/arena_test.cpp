// SPDX-License-Identifier: MIT
#include "quant/engine/arena.h"

#include <gtest/gtest.h>

#include <random>

#include "quant/base/aligned_buffer.h"

namespace quant {
namespace {

TEST(Arena, BuffersThatDoNotMeetShareMemory) {
  const ArenaPlan plan = plan_arena({{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}});
  EXPECT_EQ(plan.offsets[0], plan.offsets[2]);
  EXPECT_EQ(plan.bytes, 2048U);
}

TEST(Arena, NeverOverlapsLiveBuffers) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<BufferLifetime> buffers;
    for (int i = 0; i < 40; ++i) {
      const std::size_t first = random() % 30;
      buffers.push_back({random() % 5000, first, first + random() % 6});
    }
    const ArenaPlan plan = plan_arena(buffers);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % kBufferAlignment, 0U);
      EXPECT_LE(plan.offsets[a] + buffers[a].bytes, plan.bytes);
      for (std::size_t b = a + 1; b < buffers.size(); ++b) {
        const bool together =
            buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
        if (!together || buffers[a].bytes == 0 || buffers[b].bytes == 0) continue;
        EXPECT_TRUE(plan.offsets[a] + buffers[a].bytes <= plan.offsets[b] ||
                    plan.offsets[b] + buffers[b].bytes <= plan.offsets[a]);
      }
    }
  }
}

}  // namespace
}  // namespace quant
