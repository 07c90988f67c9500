// SPDX-License-Identifier: MIT
#include "quant/script/precision_mode.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

TEST(PrecisionMode, ReadsWhatItPrints) {
  for (const int input : {8, 16}) {
    for (const int weights : {4, 8, 16}) {
      for (const int output : {8, 16}) {
        const PrecisionMode mode{input, weights, output};
        EXPECT_EQ(precision_mode_from_string(to_string(mode)), mode) << to_string(mode);
      }
    }
  }
}

TEST(PrecisionMode, TheOutputIsAsTheInputWhereNotSaid) {
  EXPECT_EQ(precision_mode_from_string("a16_w8"), (PrecisionMode{16, 8, 16}));
  EXPECT_EQ(precision_mode_from_string("a8_w4"), (PrecisionMode{8, 4, 8}));
  EXPECT_EQ(precision_mode_from_string("a16_w16_a8"), (PrecisionMode{16, 16, 8}));
  EXPECT_EQ(precision_mode_from_string("A8_W8"), (PrecisionMode{8, 8, 8}));
  EXPECT_EQ(to_string(PrecisionMode{16, 8, 16}), "a16_w8");
  EXPECT_EQ(to_string(PrecisionMode{8, 8, 16}), "a8_w8_a16");
}

TEST(PrecisionMode, EverythingElseIsNone) {
  for (const char* text :
       {"", "a", "a8", "a8_", "a8_w", "a8w8", "w8_a8", "a4_w8", "a9_w8", "a8_w2", "a8_w8_",
        "a8_w8_a4", "a8_w8_a8_a8", "a08_w8", "a-8_w8", "a8_w8 ", "a99999999999_w8", "b8_w8"}) {
    EXPECT_FALSE(precision_mode_from_string(text)) << text;
  }
}

}  // namespace
}  // namespace quant
