// SPDX-License-Identifier: MIT
#include "quant/arithmetic/edge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace quant {
namespace {

TEST(Edge, EveryIntegerSurvivesTheRoundTrip) {
  std::mt19937 engine(1);
  for (int round = 0; round < 50; ++round) {
    const EdgeParams params{std::uniform_real_distribution<float>(1e-4F, 1.0F)(engine),
                            static_cast<float>(engine() % 256)};
    for (int q = 0; q < 256; ++q) {
      EXPECT_EQ(quantize_u8(dequantize(q, params), params), q);
    }
  }
  const EdgeParams fraction{0.017F, 103.53F};
  for (int q = 0; q < 256; ++q) EXPECT_EQ(quantize_u8(dequantize(q, fraction), fraction), q);
  const EdgeParams wide{0.0003F, 30000};
  for (int q = 0; q < 65536; ++q) EXPECT_EQ(quantize_u16(dequantize(q, wide), wide), q);
}

TEST(Edge, InfinitiesAndNaN) {
  const EdgeParams params{0.1F, 7};
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(quantize_u8(kInfinity, params), 255);
  EXPECT_EQ(quantize_u8(-kInfinity, params), 0);
  EXPECT_EQ(quantize_u8(std::numeric_limits<float>::quiet_NaN(), params), 0);
  EXPECT_EQ(quantize_u16(kInfinity, params), 65535);
}

// x at the upper limit with a zero point that has a fraction: x / scale + zp may come out as 255.5
// or more.
TEST(Edge, TheUpperLimitStaysInside) {
  for (int step = 0; step < 1000; ++step) {
    const EdgeParams params{0.0173F, static_cast<float>(step) / 1000 + 100};
    EXPECT_EQ(quantize_u8(1e9F, params), 255);
    EXPECT_EQ(quantize_u8(-1e9F, params), 0);
  }
}

TEST(Edge, SpansEqualSingleElements) {
  std::mt19937 engine(2);
  std::vector<float> values(1001);
  for (float& value : values) value = std::uniform_real_distribution<float>(-3, 3)(engine);
  const EdgeParams params{0.02F, 120.5F};
  std::vector<std::uint8_t> q8(values.size());
  std::vector<std::uint16_t> q16(values.size());
  std::vector<float> back(values.size());
  quantize_u8(values, params, q8);
  quantize_u16(values, params, q16);
  for (std::size_t k = 0; k < values.size(); ++k) {
    EXPECT_EQ(q8[k], quantize_u8(values[k], params));
    EXPECT_EQ(q16[k], quantize_u16(values[k], params));
  }
  dequantize(std::span<const std::uint8_t>(q8), params, back);
  for (std::size_t k = 0; k < values.size(); ++k) EXPECT_EQ(back[k], dequantize(q8[k], params));
  dequantize(std::span<const std::uint16_t>(q16), params, back);
  for (std::size_t k = 0; k < values.size(); ++k) EXPECT_EQ(back[k], dequantize(q16[k], params));
}

}  // namespace
}  // namespace quant
