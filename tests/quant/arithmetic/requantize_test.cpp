// SPDX-License-Identifier: MIT
#include "quant/arithmetic/requantize.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace quant {
namespace {

TEST(Requantize, MultipliersAreComputedInDoubleAndRoundedOnce) {
  // float32 arithmetic would give 0.0015999999 here: three roundings instead of one.
  const float scales[] = {0.004F, 0.0041F};
  const Requantization r = make_requantization(0.02F, scales, 0.05F, {3, 0, 255});
  ASSERT_EQ(r.multipliers.size(), 2U);
  EXPECT_EQ(r.wide_multipliers[1], double{0.02F} * double{0.0041F} / double{0.05F});
  EXPECT_EQ(r.multipliers[1], static_cast<float>(r.wide_multipliers[1]));
  EXPECT_EQ(r.multiplier<float>(0), 0.0016F);
  EXPECT_EQ(r.output(1).zero_point, 3);
}

TEST(Requantize, OneMultiplierServesAllChannels) {
  const float scale = 0.5F;
  const Requantization r = make_requantization(1, {&scale, 1}, 1, {});
  EXPECT_EQ(r.multiplier<float>(17), 0.5F);
  EXPECT_EQ(r.multiplier<double>(17), 0.5);
}

// Weights in one scale, outputs with a scale and a range for each channel.
TEST(Requantize, OutputsPerChannel) {
  const float weight = 0.5F;
  const float outputs[] = {0.25F, 2.0F};
  const Requantization r =
      make_requantization(1, {&weight, 1}, outputs, {{10, 0, 65535}, {500, 500, 65535}});
  EXPECT_EQ((r.apply<std::uint16_t, double>(100, 0)), 210);
  EXPECT_EQ((r.apply<std::uint16_t, double>(100, 1)), 525);
  EXPECT_EQ((r.apply<std::uint16_t, double>(-100, 0)), 0);
  EXPECT_EQ((r.apply<std::uint16_t, double>(-100, 1)), 500);
}

TEST(Requantize, InfinityClampsAndExtremesDoNotOverflow) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const OutputRange range{7, 0, 255};
  EXPECT_EQ(round_to_output(kInfinity, range), 255);
  EXPECT_EQ(round_to_output(-kInfinity, range), 0);
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(requantize<std::uint8_t>(kMost, std::numeric_limits<float>::max(), range), 255);
  EXPECT_EQ(requantize<std::uint8_t>(kLeast, std::numeric_limits<float>::max(), range), 0);
  EXPECT_EQ(requantize<std::uint16_t>(std::numeric_limits<std::int64_t>::min(), 1.0, {0, 0, 65535}),
            0);
}

// A range that does not hold the zero point: an activation that cuts zero off.
TEST(Requantize, RangeBesideTheZeroPoint) {
  EXPECT_EQ(requantize<std::uint8_t>(0, 1.0F, {0, 20, 30}), 20);
  EXPECT_EQ(requantize<std::uint8_t>(0, 1.0F, {200, 20, 30}), 30);
}

// The figure of docs/arithmetic.md: fewer than 10 in 1,000,000 differ from exact arithmetic, by 1.
TEST(Requantize, IsCloseToExactArithmetic) {
  std::mt19937_64 engine(1);
  std::normal_distribution<double> accumulators(0, 16384);
  std::uniform_real_distribution<double> multipliers(0.001, 0.01);
  int different = 0;
  int different16 = 0;
  for (int n = 0; n < 1'000'000; ++n) {
    const auto acc = static_cast<std::int32_t>(accumulators(engine));
    const double m = multipliers(engine);
    const auto exact = [&](int zp, int highest) {
      const long double t = static_cast<long double>(acc) * m;
      return std::clamp<long double>(std::nearbyint(t) + zp, 0, highest);
    };
    const int q = requantize<std::uint8_t>(acc, static_cast<float>(m), {128, 0, 255});
    if (q != exact(128, 255)) {
      ++different;
      EXPECT_EQ(std::abs(q - static_cast<int>(exact(128, 255))), 1);
    }
    different16 +=
        requantize<std::uint16_t>(acc, m, {32768, 0, 65535}) != exact(32768, 65535) ? 1 : 0;
  }
  EXPECT_LT(different, 10);
  EXPECT_EQ(different16, 0);
}

}  // namespace
}  // namespace quant
