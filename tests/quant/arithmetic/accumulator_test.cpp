// SPDX-License-Identifier: MIT
#include "quant/arithmetic/accumulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace quant {
namespace {

TEST(Accumulator, BiasAloneAlwaysFitsItsOwnType) {
  const std::int32_t zero = 0;
  EXPECT_TRUE(
      accumulator_fits_int32({}, {&zero, 1}, 255, std::numeric_limits<std::int32_t>::max()));
  EXPECT_TRUE(
      accumulator_fits_int32({}, {&zero, 1}, 255, std::numeric_limits<std::int32_t>::min()));
  EXPECT_FALSE(accumulator_fits_int32({}, {&zero, 1}, 255, std::int64_t{1} << 31));
}

// Whatever the order and the activations, no partial sum of an accepted row leaves int32; the bound
// is met by the worst activations, so it refuses no row without a reason.
TEST(Accumulator, BoundIsTightAndSafe) {
  std::mt19937 engine(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int16_t> weights(1 + engine() % 40);
    std::vector<std::int32_t> zero_points(weights.size());
    for (auto& w : weights) w = static_cast<std::int8_t>(engine());
    for (auto& zp : zero_points) zp = static_cast<std::int32_t>(engine() % 256);
    // The greatest sum that activations can make.
    std::int64_t greatest = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      std::int64_t best = 0;
      for (int q = 0; q < 256; ++q) {
        best = std::max<std::int64_t>(best, std::int64_t{weights[i]} * (q - zero_points[i]));
      }
      greatest += best;
    }
    const std::int64_t limit = std::numeric_limits<std::int32_t>::max() - greatest;
    EXPECT_TRUE(accumulator_fits_int32(weights, zero_points, 255, limit));
    EXPECT_FALSE(accumulator_fits_int32(weights, zero_points, 255, limit + 1));
  }
}

TEST(Accumulator, SixteenBitActivationsOverflowSoon) {
  const std::vector<std::int16_t> weights(256, 127);
  const std::int32_t zero = 0;
  EXPECT_TRUE(accumulator_fits_int32(weights, {&zero, 1}, 65535, 0));
  const std::vector<std::int16_t> more(259, 127);
  EXPECT_FALSE(accumulator_fits_int32(more, {&zero, 1}, 65535, 0));
}

// 2·65535·32768 is 2^32 − 2^16: 2^21 such weights leave 2^37 of 2^53 for the bias.
TEST(Accumulator, Float64HoldsBiasAndBothSums) {
  const std::vector<std::int16_t> weights(1 << 21, -32768);
  const std::int64_t rest = std::int64_t{1} << 37;
  EXPECT_TRUE(accumulator_fits_float64(weights, 65535, rest));
  EXPECT_TRUE(accumulator_fits_float64(weights, 65535, -rest));
  EXPECT_FALSE(accumulator_fits_float64(weights, 65535, rest + 1));
  EXPECT_FALSE(accumulator_fits_float64(weights, 65535, -rest - 1));
  EXPECT_FALSE(accumulator_fits_float64({}, 65535, std::numeric_limits<std::int64_t>::min()));
  EXPECT_TRUE(sum_fits_float64(std::int64_t{1} << 53, 1));
  EXPECT_FALSE(sum_fits_float64((std::int64_t{1} << 53) + 1, 1));
}

}  // namespace
}  // namespace quant
