// SPDX-License-Identifier: MIT
#include "quant/tensor/shape_text.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

TEST(ShapeText, PositiveDimensionsJoinedByX) {
  EXPECT_EQ(shape_from_string("1x3x240x320"), (Shape{1, 3, 240, 320}));
  EXPECT_EQ(shape_from_string("7"), Shape{7});
  for (const char* text :
       {"", "x", "1x", "x1", "1xx2", "0x3", "-1x3", "1x3 ", " 1", "1,3", "99999999999999999999"})
    EXPECT_FALSE(shape_from_string(text)) << text;
}

}  // namespace
}  // namespace quant
