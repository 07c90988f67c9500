// SPDX-License-Identifier: MIT
#include "quant/arithmetic/lookup_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

TEST(LookupTable, SigmoidIsWithinHalfAStep) {
  const AffineParams input{0.05F, 128};
  const auto table = make_lookup_table([](double x) { return 1 / (1 + std::exp(-x)); }, input,
                                       1.0F / 256, {0, 0, 255});
  for (int q = 0; q < 256; ++q) {
    const double real = 256 / (1 + std::exp(-(q - 128) * double{0.05F}));
    EXPECT_NEAR(table[static_cast<std::size_t>(q)], std::min(real, 255.0), 0.5);
  }
  EXPECT_EQ(table[128], 128);  // sigmoid(0) = 0.5
}

TEST(LookupTable, NotANumberCountsAsZero) {
  const auto table =
      make_lookup_table([](double x) { return std::log(x); }, {0.1F, 10}, 0.1F, {100, 0, 255});
  EXPECT_EQ(table[0], 100);  // log of a negative number
  EXPECT_EQ(table[10], 0);   // log 0 = −∞
}

TEST(RequantizeTable, EqualParametersAreTheIdentity) {
  for (int zp = 0; zp < 256; ++zp) {
    EXPECT_TRUE(is_identity(make_requantize_table({0.0371F, zp}, 0.0371F, {zp, 0, 255})));
  }
  EXPECT_FALSE(is_identity(make_requantize_table({0.5F, 3}, 0.5F, {4, 0, 255})));
  EXPECT_FALSE(is_identity(make_requantize_table({0.5F, 3}, 0.5F, {3, 3, 255})));
}

TEST(RequantizeTable, HalvedScaleDoublesTheSteps) {
  const auto table = make_requantize_table({0.5F, 10}, 0.25F, {20, 0, 255});
  EXPECT_EQ(table[10], 20);
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[100], 200);
  EXPECT_EQ(table[255], 255);
}

TEST(RequantizeTable, SixteenBitsInEveryDirection) {
  // 8 → 16 bits at a 257th of the scale is exact; 16 → 8 bits rounds half to even.
  const auto up = make_requantize_table({0.257F, 3}, 0.257F / 257, {771, 0, 65535},
                                        DataType::kUint8, DataType::kUint16);
  ASSERT_EQ(up.entries.size(), 256U);
  for (std::size_t q = 0; q < 256; ++q) EXPECT_EQ(up[q], q * 257);
  const auto down =
      make_requantize_table({0.25F, 2}, 0.5F, {1, 0, 255}, DataType::kUint16, DataType::kUint8);
  ASSERT_EQ(down.entries.size(), 65536U);
  EXPECT_EQ(down[2], 1);
  EXPECT_EQ(down[3], 1);  // 0.5 → 0
  EXPECT_EQ(down[5], 3);  // 1.5 → 2
  EXPECT_EQ(down[1], 1);  // −0.5 → 0
  EXPECT_EQ(down[65535], 255);
  EXPECT_TRUE(is_identity(make_requantize_table({0.1F, 77}, 0.1F, {77, 0, 65535}, DataType::kUint16,
                                                DataType::kUint16)));
  EXPECT_FALSE(is_identity(make_requantize_table({0.1F, 77}, 0.1F, {77, 0, 65535}, DataType::kUint8,
                                                 DataType::kUint16)));
}

// All levels at several scales: a multiplier in float32 would show.
TEST(RequantizeTable, SixteenBitsAreRoundedInDouble) {
  for (int step = 0; step < 8; ++step) {
    const float in = 1e-4F + 1.37e-5F * static_cast<float>(step);
    const float out = 2e-4F - 1.91e-5F * static_cast<float>(step);
    const auto table = make_requantize_table({in, 20000}, out, {30000, 0, 65535}, DataType::kUint16,
                                             DataType::kUint16);
    for (int q = 0; q < 65536; ++q) {
      const double t = static_cast<double>(q - 20000) * (double{in} / double{out});
      const double want = std::clamp(std::nearbyint(t) + 30000, 0.0, 65535.0);
      ASSERT_EQ(table[static_cast<std::size_t>(q)], want) << step << " " << q;
    }
  }
}

}  // namespace
}  // namespace quant
