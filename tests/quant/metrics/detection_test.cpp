// SPDX-License-Identifier: MIT
// Areas of boxes, worked out by hand.
#include "quant/metrics/detection.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

TEST(Box, AreaIsNoneWhereEdgesAreCrossed) {
  EXPECT_DOUBLE_EQ((Box{1, 2, 4, 6}.area()), 12);
  EXPECT_EQ((Box{4, 2, 1, 6}.area()), 0);
  EXPECT_EQ((Box{4, 6, 1, 2}.area()), 0);  // twice crossed is not positive again
}

TEST(Box, IntersectionOverUnion) {
  const Box box{0, 0, 10, 10};
  EXPECT_DOUBLE_EQ(intersection_over_union(box, box), 1);
  EXPECT_DOUBLE_EQ(intersection_over_union(box, {0, 0, 6, 10}), 0.6);
  // 25 in common, 100 + 100 − 25 together.
  EXPECT_DOUBLE_EQ(intersection_over_union(box, {5, 5, 15, 15}), 25.0 / 175);
  EXPECT_EQ(intersection_over_union(box, {10, 0, 20, 10}), 0);  // only an edge
  EXPECT_EQ(intersection_over_union(box, {30, 30, 40, 40}), 0);
  EXPECT_EQ(intersection_over_union({3, 3, 3, 3}, {3, 3, 3, 3}), 0);
}

}  // namespace
}  // namespace quant
