// SPDX-License-Identifier: MIT
#include "quant/base/parse_number.h"

#include <gtest/gtest.h>

namespace quant {
namespace {

TEST(ParseNumber, TakesTheWholeText) {
  EXPECT_EQ(parse_number("12"), 12.0);
  EXPECT_EQ(parse_number(" -0.5\r\n"), -0.5);
  EXPECT_EQ(parse_number("1e3"), 1000.0);
  for (const char* const text : {"", " ", "12 px", "1,5", "0x10", "1 2", "nan", "inf", "1e999"})
    EXPECT_FALSE(parse_number(text).has_value()) << text;
}

}  // namespace
}  // namespace quant
