// SPDX-License-Identifier: MIT
#include "quant/optimize/choose_params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace quant {
namespace {

TEST(ActivationParams, ZeroHasAnExactInteger) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-10.0F, 10.0F);
  for (int i = 0; i < 1000; ++i) {
    const float a = uniform(random);
    const float b = uniform(random);
    const QuantParams params = activation_params({std::min(a, b), std::max(a, b)});
    ASSERT_EQ(params.scale.size(), 1U);
    EXPECT_EQ(params.zero_point[0], std::nearbyint(params.zero_point[0]));
    EXPECT_GE(params.zero_point[0], 0.0F);
    EXPECT_LE(params.zero_point[0], 255.0F);
    EXPECT_GT(params.scale[0], 0.0F);
  }
}

TEST(ActivationParams, PositiveRangeStartsAtZero) {
  const QuantParams params = activation_params({1.0F, 5.1F});
  EXPECT_EQ(params.zero_point[0], 0.0F);
  EXPECT_FLOAT_EQ(params.scale[0], 5.1F / 255.0F);
}

TEST(ActivationParams, DeadTensorGetsScaleOne) {
  const QuantParams params = activation_params({0.0F, 0.0F});
  EXPECT_EQ(params.scale[0], 1.0F);
  EXPECT_EQ(params.zero_point[0], 0.0F);
}

TEST(QuantizeWeights, EachChannelUsesAllItsLevels) {
  const std::vector<float> values = {0.5F, -1.0F, 0.25F, 100.0F, -50.0F, 0.0F, 0.0F, 0.0F, 0.0F};
  const QuantizedWeights weights = quantize_weights(Tensor::from<float>({3, 3}, values), 0);
  const auto levels = weights.values.data<std::int8_t>();
  const std::vector<std::int8_t> expected = {
      64, -127, 32, 127, -64,
      0,  0,    0,  0};  // float32(1/127) lies below 1/127, so 63.5 becomes a little more
  EXPECT_EQ(std::vector<std::int8_t>(levels.begin(), levels.end()), expected);
  EXPECT_FLOAT_EQ(weights.params.scale[0], 1.0F / 127.0F);
  EXPECT_EQ(weights.params.scale[2], 1.0F) << "a channel of zeros";
}

TEST(QuantizeWeights, ChannelAxisOne) {
  const std::vector<float> values = {1.0F, 10.0F, -1.0F, 5.0F};
  const QuantizedWeights weights = quantize_weights(Tensor::from<float>({2, 2}, values), 1);
  EXPECT_FLOAT_EQ(weights.params.scale[0], 1.0F / 127.0F);
  EXPECT_FLOAT_EQ(weights.params.scale[1], 10.0F / 127.0F);
}

}  // namespace
}  // namespace quant
