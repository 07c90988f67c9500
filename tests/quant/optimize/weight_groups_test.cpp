// SPDX-License-Identifier: MIT
// Against an oracle that knows a weight by its coordinates and tries every multiple.
#include "quant/optimize/weight_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/lower_weighted.h"

namespace quant {
namespace {

struct Case {
  const char* name;
  OpKind op;
  Shape weights;
  std::int64_t convolutions;  // "group" of ONNX
  int size;
};

std::vector<Case> cases() {
  return {{"convolution", OpKind::kConv, {6, 20, 3, 2}, 1, 8},
          {"of each channel", OpKind::kConv, {5, 7, 1, 1}, 1, 1},
          {"grouped convolution", OpKind::kConv, {6, 9, 1, 3}, 3, 4},
          {"product", OpKind::kGemm, {4, 50}, 1, 16},
          {"transposed", OpKind::kConvTranspose, {10, 4, 2, 2}, 1, 3},
          {"grouped and transposed", OpKind::kConvTranspose, {12, 2, 2, 2}, 3, 2}};
}

// Weights of channels that differ by up to a factor of eight.
FloatLayer random_layer(const Case& one) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  FloatLayer layer;
  layer.op = one.op;
  layer.attributes.set("group", one.convolutions);
  layer.weights = Tensor(DataType::kFloat32, one.weights);
  const bool transposed = one.op == OpKind::kConvTranspose;
  const auto inner = element_count(one.weights) / one.weights[0];
  const auto kernel = inner / one.weights[1];
  const auto values = layer.weights.data<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const auto channel = transposed ? at / inner : at % inner / kernel;
    values[i] = normal(random) * std::exp2(static_cast<float>(channel % 4));
  }
  const auto outputs = transposed ? one.weights[1] * one.convolutions : one.weights[0];
  layer.bias.assign(static_cast<std::size_t>(outputs), 0.25F);
  return layer;
}

LayerPlan four_bits(int size, WeightScaling::Clip clip = WeightScaling::Clip::kMse) {
  LayerPlan plan;
  plan.precision.weight_bits = 4;
  plan.scaling.clip = clip;
  plan.scaling.group_size = size;
  return plan;
}

const QuantParams kInput = {DataType::kUint8, {0.02F}, {128.0F}};

IntegerLayer integers(const FloatLayer& layer, const LayerPlan& plan) {
  auto result = quantize_layer(layer, kInput, plan);
  EXPECT_TRUE(result) << result.error().text();
  return std::move(*result);
}

struct Member {
  double real;
  int level;
};
using Place = std::pair<std::int64_t, std::int64_t>;  // output channel, group

// ONNX's meaning of the axes, written out.
std::map<Place, std::vector<Member>> members(const Case& one, const FloatLayer& layer,
                                             const IntegerLayer& integer) {
  Shape shape = one.weights;
  shape.resize(4, 1);
  const auto real = std::as_const(layer.weights).data<float>();
  const auto level = std::as_const(integer.weights).data<std::int8_t>();
  std::map<Place, std::vector<Member>> result;
  std::size_t at = 0;
  for (std::int64_t a = 0; a < shape[0]; ++a) {
    for (std::int64_t b = 0; b < shape[1]; ++b) {
      for (std::int64_t k = 0; k < shape[2] * shape[3]; ++k, ++at) {
        std::int64_t output = a;
        std::int64_t input = b;
        if (one.op == OpKind::kConvTranspose) {
          const std::int64_t inputs = shape[0] / one.convolutions;
          output = a / inputs * shape[1] + b;
          input = a % inputs;
        }
        result[{output, input / one.size}].push_back({real[at], level[at]});
      }
    }
  }
  return result;
}

double error_of(const std::vector<Member>& group, double step) {
  double error = 0;
  for (const Member& member : group) {
    const double level = std::max(-7.0, std::min(7.0, std::nearbyint(member.real / step)));
    error += (level * step - member.real) * (level * step - member.real);
  }
  return error;
}

double scale_of(const IntegerLayer& integer, std::int64_t output) {
  const auto& scale = integer.steps.params.scale;
  return scale[scale.size() == 1 ? 0 : static_cast<std::size_t>(output)];
}

int multiple_of(const IntegerLayer& integer, const Place& place) {
  const std::int64_t each = integer.steps.multiples.shape()[1];
  return std::as_const(integer.steps.multiples)
      .data<std::uint8_t>()[static_cast<std::size_t>(place.first * each + place.second)];
}

// A level of ±7 times the group's multiple, the nearest to the weight.
void expect_levels(const IntegerLayer& integer,
                   const std::map<Place, std::vector<Member>>& by_place) {
  for (const auto& [place, group] : by_place) {
    const int multiple = multiple_of(integer, place);
    ASSERT_GE(multiple, 1);
    ASSERT_LE(multiple, 18);
    const double step = multiple * scale_of(integer, place.first);
    for (const Member& member : group) {
      EXPECT_EQ(member.level % multiple, 0);
      EXPECT_LE(std::abs(member.level), 7 * multiple);
      EXPECT_EQ(member.level / multiple,
                std::max(-7.0, std::min(7.0, std::nearbyint(member.real / step))));
    }
  }
}

TEST(WeightGroups, EachHasTheMultipleOfLeastError) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const FloatLayer layer = random_layer(one);
    const IntegerLayer integer = integers(layer, four_bits(one.size));
    const auto by_place = members(one, layer, integer);
    ASSERT_EQ(integer.steps.multiples.elements(), static_cast<std::int64_t>(by_place.size()));
    ASSERT_EQ(integer.steps.multiples.shape()[0], static_cast<std::int64_t>(layer.bias.size()));
    expect_levels(integer, by_place);
    for (const auto& [place, group] : by_place) {
      const double scale = scale_of(integer, place.first);
      double least = error_of(group, scale);
      for (int multiple = 2; multiple <= 18; ++multiple)
        least = std::min(least, error_of(group, multiple * scale));
      EXPECT_DOUBLE_EQ(error_of(group, multiple_of(integer, place) * scale), least);
    }
  }
}

TEST(WeightGroups, WithoutClippingEveryWeightIsReached) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const FloatLayer layer = random_layer(one);
    const IntegerLayer integer = integers(layer, four_bits(one.size, WeightScaling::Clip::kNone));
    const auto by_place = members(one, layer, integer);
    expect_levels(integer, by_place);
    int highest = 0;
    for (const auto& [place, group] : by_place) {
      const int multiple = multiple_of(integer, place);
      highest = std::max(highest, multiple);
      const double step = multiple * scale_of(integer, place.first);
      double largest = 0;
      for (const Member& member : group) largest = std::max(largest, std::abs(member.real));
      EXPECT_LE(largest, 7 * step * (1 + 1e-6));
      // The least such multiple.
      EXPECT_GT(largest, 7 * (multiple - 1) * scale_of(integer, place.first));
    }
    EXPECT_EQ(highest, 18);
  }
}

TEST(WeightGroups, LieCloserToTheWeightsThanOneScale) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.name);
    const FloatLayer layer = random_layer(one);
    const auto error = [&](const LayerPlan& plan) {
      const IntegerLayer integer = integers(layer, plan);
      double sum = 0;
      for (const auto& [place, group] : members(one, layer, integer)) {
        for (const Member& member : group)
          sum += std::pow(member.level * scale_of(integer, place.first) - member.real, 2);
      }
      return sum;
    };
    EXPECT_LT(error(four_bits(one.size)), 0.9 * error(four_bits(0)));
  }
}

// Steps that a large bias makes coarser are coarser in every group, and levels are of those steps.
TEST(WeightGroups, ALargeBiasMakesStepsCoarser) {
  const Case one = cases()[0];
  FloatLayer layer = random_layer(one);
  for (float& weight : layer.weights.data<float>()) weight *= 1e-6F;
  layer.bias.assign(layer.bias.size(), 20.0F);
  const IntegerLayer integer = integers(layer, four_bits(one.size));
  expect_levels(integer, members(one, layer, integer));
  for (const std::int32_t bias : std::as_const(integer.bias).data<std::int32_t>())
    EXPECT_LE(bias, (1 << 30) + 64);  // the scale is a float32
  EXPECT_GT(scale_of(integer, 0), 20.0 / (0.02 * (1 << 30)) * 0.999);
}

TEST(WeightGroups, NoneWhereTheyWouldChangeNothing) {
  const Case one = cases()[0];
  const FloatLayer layer = random_layer(one);
  // 20 input channels in one group; weights of eight bits.
  LayerPlan eight = four_bits(8);
  eight.precision.weight_bits = 8;
  for (const LayerPlan& plan : {four_bits(20), eight}) {
    LayerPlan plain = plan;
    plain.scaling.group_size = 0;
    const IntegerLayer with = integers(layer, plan);
    const IntegerLayer without = integers(layer, plain);
    EXPECT_EQ(with.steps.multiples.elements(), 0);
    EXPECT_EQ(with.steps.params, without.steps.params);
    const auto a = std::as_const(with.weights).data<std::int8_t>();
    const auto b = std::as_const(without.weights).data<std::int8_t>();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
  }
}

// An archive may say anything.
TEST(WeightGroups, MultiplesThatMakeNoSenseAreNone) {
  Graph graph;
  Value x{"x", DataType::kUint8, {1, 4}, {}, kInput};
  graph.add_value(x);
  const ValueId weights = graph.add_constant("w", Tensor(DataType::kInt8, {2, 4}));
  Node node{OpKind::kGemm, "fc1", {}, {0, weights, weights}, {}, {}};
  const auto found = [&](std::int64_t size, const Tensor& multiples) {
    node.attributes.set(kWeightGroupSize, size);
    node.attributes.set(kWeightMultiples, multiples);
    return weight_multiples(graph, node);
  };
  const auto tensor = [](std::vector<std::uint8_t> values) {
    return Tensor::from<std::uint8_t>({2, 2}, values);
  };
  EXPECT_EQ(found(3, tensor({1, 2, 3, 18})), (std::vector<std::uint8_t>{1, 1, 1, 2, 3, 3, 3, 18}));
  EXPECT_TRUE(found(1, tensor({1, 2, 3, 18})).empty());
  EXPECT_TRUE(found(0, tensor({1, 2, 3, 18})).empty());
  EXPECT_TRUE(found(-3, tensor({1, 2, 3, 18})).empty());
  EXPECT_TRUE(found(2, tensor({1, 2, 3, 19})).empty());
  EXPECT_TRUE(found(2, tensor({1, 0, 3, 4})).empty());
  EXPECT_TRUE(found(2, Tensor(DataType::kFloat32, {2, 2})).empty());
}

}  // namespace
}  // namespace quant
