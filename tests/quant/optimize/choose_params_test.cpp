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

TEST(WeightParams, FourAndSixteenBits) {
  const Tensor weights = Tensor::from<float>({1, 4}, std::vector<float>{1.0F, -0.6F, 0.1F, -1.0F});
  const QuantParams four = weight_params(weights, 0, 4);
  EXPECT_EQ(four.type, DataType::kInt8);
  EXPECT_FLOAT_EQ(four.scale[0], 1.0F / 7.0F);
  const Tensor small = round_weights(weights, four, 4);
  EXPECT_EQ(small.data<std::int8_t>()[1], -4);
  EXPECT_EQ(small.data<std::int8_t>()[2], 1);
  const QuantParams sixteen = weight_params(weights, 0, 16);
  EXPECT_EQ(sixteen.type, DataType::kInt16);
  const Tensor large = round_weights(weights, sixteen, 16);
  EXPECT_EQ(large.data<std::int16_t>()[0], 32767);
  EXPECT_EQ(large.data<std::int16_t>()[3], -32767);
}

TEST(WeightParams, GroupsShareTheLargestScaleOfTheirChannels) {
  const std::vector<float> values = {1, 0, 4, 0, 2, 0, 8, 0};
  WeightScaling scaling;
  scaling.groups = 2;
  const QuantParams params = weight_params(Tensor::from<float>({4, 2}, values), 0, 8, scaling);
  EXPECT_FLOAT_EQ(params.scale[0], 4.0F / 127.0F);
  EXPECT_FLOAT_EQ(params.scale[1], 4.0F / 127.0F);
  EXPECT_FLOAT_EQ(params.scale[2], 8.0F / 127.0F);
  EXPECT_FLOAT_EQ(params.scale[3], 8.0F / 127.0F);
}

TEST(WeightParams, ManualClipSaturates) {
  const Tensor weights = Tensor::from<float>({1, 3}, std::vector<float>{1.0F, -3.0F, 0.5F});
  WeightScaling scaling;
  scaling.clip = WeightScaling::Clip::kManual;
  scaling.limit = 1;
  const QuantParams params = weight_params(weights, 0, 8, scaling);
  EXPECT_FLOAT_EQ(params.scale[0], 1.0F / 127.0F);
  EXPECT_EQ(round_weights(weights, params, 8).data<std::int8_t>()[1], -127);
}

// One outlier among many small weights: four bits for the outlier leave none for the rest.
TEST(WeightParams, LeastSquareErrorBeatsTheLargestWeight) {
  std::vector<float> values;
  for (int i = -400; i <= 400; ++i) values.push_back(static_cast<float>(i) * 0.001F);
  values.push_back(0.8F);
  const Tensor weights = Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
  const auto error = [&](const WeightScaling& scaling) {
    const QuantParams params = weight_params(weights, 0, 4, scaling);
    const Tensor levels = round_weights(weights, params, 4);
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double back = levels.data<std::int8_t>()[i] * static_cast<double>(params.scale[0]);
      sum += (back - values[i]) * (back - values[i]);
    }
    return sum;
  };
  WeightScaling least;
  least.clip = WeightScaling::Clip::kMse;
  EXPECT_LT(error(least), 0.8 * error({}));
}

TEST(QuantizeActivation, SixteenBitsSaturate) {
  const QuantParams params = activation_params({-1.0F, 1.0F}, DataType::kUint16);
  const Tensor levels =
      quantize_activation(Tensor::from<float>({3}, std::vector<float>{-5.0F, 0.0F, 5.0F}), params);
  EXPECT_EQ(levels.data<std::uint16_t>()[0], 0);
  EXPECT_EQ(levels.data<std::uint16_t>()[1], static_cast<std::uint16_t>(params.zero_point[0]));
  EXPECT_EQ(levels.data<std::uint16_t>()[2], 65535);
}

}  // namespace
}  // namespace quant
