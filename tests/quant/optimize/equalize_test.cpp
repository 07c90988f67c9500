// SPDX-License-Identifier: MIT
#include "quant/optimize/equalize.h"

#include <gmock/gmock.h>

#include <cmath>

#include "quant/graph_builder.h"
#include "quant/optimize/network_figures.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;
using testing::input_spec;
using testing::largest_difference;
using testing::noise_db;
using testing::padded;
using testing::RandomFrames;
using testing::same_constants;

constexpr std::int64_t kChannels = 8;

const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

// Weights whose channels differ a thousandfold, as training without a word on balance leaves them.
ValueId unbalanced(GraphBuilder& builder, Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  const std::size_t each = values.size() / static_cast<std::size_t>(shape[0]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto magnitude =
        std::pow(10.0F, -3.0F * static_cast<float>(i / each) / static_cast<float>(shape[0] - 1));
    values[i] = magnitude * std::sin(static_cast<float>(i) * 1.7F + 1);
  }
  return builder.constant(std::move(shape), values);
}

// The inverse, so that every channel counts alike in the end.
ValueId counterpart(GraphBuilder& builder, std::int64_t outputs) {
  std::vector<float> values(static_cast<std::size_t>(outputs * kChannels));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto channel = static_cast<float>(i % kChannels);
    values[i] =
        std::pow(10.0F, 3.0F * channel / (kChannels - 1)) * std::cos(static_cast<float>(i) * 0.7F);
  }
  return builder.constant({outputs, kChannels, 1, 1}, values);
}

// A convolution of unbalanced channels, what `middle` makes of it, and a convolution of that.
template <typename Middle>
Graph network(Middle middle) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 10, 12});
  const ValueId first = builder.node(
      OpKind::kConv, {x, unbalanced(builder, {kChannels, 3, 3, 3}), builder.random({kChannels}, 0)},
      padded(1));
  const ValueId between = middle(builder, first);
  Graph graph = builder.build({builder.node(OpKind::kConv, {between, counterpart(builder, 4)})});
  auto optimized = optimize_float(std::move(graph), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  return std::move(*optimized);
}

Graph equalized(const Graph& graph) {
  RandomFrames frames(kSpec, 3);
  auto result = equalize(graph, frames, {}, {});
  EXPECT_TRUE(result) << result.error().text();
  return std::move(*result);
}

struct Case {
  const char* name;
  ValueId (*middle)(GraphBuilder& builder, ValueId value);
};

class Equalized : public ::testing::TestWithParam<Case> {};

TEST_P(Equalized, IsTheSameFunctionWithLessNoise) {
  const Graph before = network(GetParam().middle);
  const Graph after = equalized(before);
  EXPECT_TRUE(verify(after));
  EXPECT_LT(largest_difference(before, after, kSpec), 1e-5);
  // Unbalanced, most channels have no bits at all.
  EXPECT_GT(noise_db(before, kSpec)[0], -20);
  EXPECT_LT(noise_db(after, kSpec)[0], noise_db(before, kSpec)[0] - 10);
}

INSTANTIATE_TEST_SUITE_P(
    Activation, Equalized,
    ::testing::Values(
        Case{"none", [](GraphBuilder&, ValueId value) { return value; }},
        Case{"relu", [](GraphBuilder& builder,
                        ValueId value) { return builder.node(OpKind::kRelu, {value}); }},
        Case{"leaky_relu",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(OpKind::kLeakyRelu, {value}, attributes({{"alpha", 0.1F}}));
             }},
        Case{"relu_and_pool",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(OpKind::kMaxPool, {builder.node(OpKind::kRelu, {value})},
                                   attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}}}));
             }},
        Case{"sum",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(OpKind::kAdd, {value, builder.node(OpKind::kRelu, {value})});
             }},
        Case{"resize",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(OpKind::kResize,
                                   {value, kNoValue, builder.constant({4}, {1, 1, 2, 2})});
             }},
        Case{"shuffle_there_and_back",
             [](GraphBuilder& builder, ValueId value) {
               const auto shuffled = [&](ValueId id, std::int64_t groups) {
                 const ValueId parted =
                     builder.node(OpKind::kReshape,
                                  {id, builder.integers({1, groups, kChannels / groups, 10, 12})});
                 const ValueId turned =
                     builder.node(OpKind::kTranspose, {parted},
                                  attributes({{"perm", std::vector<std::int64_t>{0, 2, 1, 3, 4}}}));
                 return builder.node(OpKind::kReshape,
                                     {turned, builder.integers({1, kChannels, 10, 12})});
               };
               return shuffled(shuffled(value, 2), kChannels / 2);
             }},
        Case{"depthwise",
             [](GraphBuilder& builder, ValueId value) {
               Attributes attributes = padded(1);
               attributes.set("group", kChannels);
               return builder.node(
                   OpKind::kConv,
                   {builder.node(OpKind::kRelu, {value}), builder.random({kChannels, 1, 3, 3}, 1)},
                   attributes);
             }}),
    [](const auto& parameter) { return parameter.param.name; });

class LeftAlone : public ::testing::TestWithParam<Case> {};

TEST_P(LeftAlone, BecauseAScaleWouldNotPass) {
  const Graph before = network(GetParam().middle);
  EXPECT_TRUE(same_constants(before, equalized(before)));
}

INSTANTIATE_TEST_SUITE_P(
    Activation, LeftAlone,
    ::testing::Values(
        Case{"sigmoid", [](GraphBuilder& builder,
                           ValueId value) { return builder.node(OpKind::kSigmoid, {value}); }},
        Case{"another_reader",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(OpKind::kAdd, {value, builder.node(OpKind::kSigmoid, {value})});
             }},
        Case{"clip",
             [](GraphBuilder& builder, ValueId value) {
               return builder.node(
                   OpKind::kClip, {value, builder.constant({}, {0}), builder.constant({}, {0.5F})});
             }}),
    [](const auto& parameter) { return parameter.param.name; });

// Ranges that a script gives are known by ValueId, and are looked up behind the equalization.
TEST(Equalize, KeepsNodesAndValueIds) {
  const Graph before = network([](GraphBuilder&, ValueId value) { return value; });
  const Graph after = equalized(before);
  ASSERT_FALSE(same_constants(before, after));
  ASSERT_GE(after.values.size(), before.values.size());
  for (std::size_t id = 0; id < before.values.size(); ++id)
    EXPECT_EQ(after.values[id].name, before.values[id].name);
  ASSERT_EQ(after.nodes.size(), before.nodes.size());
  for (std::size_t node = 0; node < before.nodes.size(); ++node)
    EXPECT_EQ(after.nodes[node].outputs, before.nodes[node].outputs);
}

// What speaks softly is read softly, too: one scale helps either the activation or the weights. Of
// four bits are those that need it.
TEST(Equalize, KnowsHowManyBitsWeightsWillHave) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 10, 12});
  const ValueId first =
      builder.node(OpKind::kConv, {x, unbalanced(builder, {kChannels, 3, 3, 3})}, padded(1));
  std::vector<float> soft(4 * kChannels);
  for (std::size_t i = 0; i < soft.size(); ++i) {
    const auto channel = static_cast<float>(i % kChannels);
    soft[i] = std::pow(10.0F, -channel / 4) * std::cos(static_cast<float>(i) * 0.7F);
  }
  auto graph = optimize_float(
      builder.build({builder.node(OpKind::kConv, {builder.node(OpKind::kRelu, {first}),
                                                  builder.constant({4, kChannels, 1, 1}, soft)})}),
      kSpec);
  ASSERT_TRUE(graph) << graph.error().text();
  QuantizationPlan plan;
  plan.layers.assign(graph->nodes.size(), {{8, 4, 8}, {}});
  const auto scaled = [&](const EqualizeOptions& options) {
    RandomFrames frames(kSpec, 3);
    return equalize(*graph, frames, options, {}).value_or(Graph{});
  };
  const Graph for_8_bits = scaled({});
  const Graph for_4_bits = scaled({.plan = plan});
  EXPECT_LT(noise_db(for_4_bits, kSpec, plan)[0], noise_db(for_8_bits, kSpec, plan)[0] - 0.5);
}

TEST(Equalize, AnEmptySetIsAnError) {
  RandomFrames frames(kSpec, 0);
  const Graph graph = network([](GraphBuilder&, ValueId value) { return value; });
  EXPECT_FALSE(equalize(graph, frames, {}, {}));
}

}  // namespace
}  // namespace quant
