// SPDX-License-Identifier: MIT
#include "quant/engine/memory_order.h"

#include <gtest/gtest.h>

#include <numeric>

namespace quant {
namespace {

// The naive meaning of an order: where each logical index lies.
std::vector<std::int64_t> positions(const Shape& shape, const MemoryOrder& order) {
  const auto strides = strides_of(shape, order);
  std::vector<std::int64_t> result;
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::int64_t i = 0; i < element_count(shape); ++i) {
    result.push_back(
        std::inner_product(index.begin(), index.end(), strides.begin(), std::int64_t{0}));
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return result;
}

TEST(MemoryOrder, ChannelsLastPutsChannelsInnermost) {
  EXPECT_EQ(strides_of({1, 3, 4, 5}, channels_last_order()),
            (std::vector<std::int64_t>{60, 1, 15, 3}));
}

TEST(MemoryOrder, AxesOfSizeOneLieAnywhere) {
  EXPECT_TRUE(same_memory({1, 1, 4, 5}, {0, 1, 2, 3}, channels_last_order()));
  EXPECT_FALSE(same_memory({1, 2, 4, 5}, {0, 1, 2, 3}, channels_last_order()));
}

TEST(MemoryOrder, TransposeRenamesAxesAndMovesNothing) {
  // The SSD head: a channels-last map transposed to (N, H, W, C) is row-major.
  EXPECT_EQ(transposed_order(channels_last_order(), {0, 2, 3, 1}), row_major_order(4));
}

TEST(MemoryOrder, ReshapeKeepsEveryElementWhereItIs) {
  struct Case {
    Shape from;
    MemoryOrder order;
    Shape to;
    bool possible;
  };
  const Case cases[] = {
      {{1, 4, 5, 6}, row_major_order(4), {1, 120}, true},
      {{1, 5, 6, 4}, row_major_order(4), {1, 60, 2}, true},
      // Channel shuffle: the channel splits in place …
      {{1, 4, 5, 6}, channels_last_order(), {1, 2, 2, 5, 6}, true},
      // … but merging the swapped halves would interleave them.
      {{1, 2, 2, 5, 6}, {0, 3, 4, 2, 1}, {1, 4, 5, 6}, false},
      {{1, 4, 5, 6}, channels_last_order(), {1, 120}, false},
      {{1, 4, 1, 1}, channels_last_order(), {1, 4}, true},
      {{4, 1, 5}, {1, 0, 2}, {4, 5}, true},
      {{2, 3}, {1, 0}, {2, 3, 1}, true},
      {{1, 1, 1}, row_major_order(3), {}, true},
  };
  for (const Case& test : cases) {
    const auto order = reshaped_order(test.from, test.order, test.to);
    ASSERT_EQ(order.has_value(), test.possible)
        << to_string(test.from) << " → " << to_string(test.to);
    if (!order) continue;
    EXPECT_EQ(positions(test.from, test.order), positions(test.to, *order)) << to_string(test.to);
  }
}

}  // namespace
}  // namespace quant
