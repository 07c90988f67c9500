// SPDX-License-Identifier: MIT
#include "quant/optimize/split_channels.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "quant/graph_builder.h"
#include "quant/optimize/network_figures.h"
#include "quant/optimize/precision_parts.h"
#include "quant/optimize/random_frames.h"
#include "quant/optimize/split_search.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;
using testing::input_spec;
using testing::largest_difference;
using testing::padded;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(16, 16, 1, {0}, {1});
constexpr double kStep = 0.03;

// Weights that 8 bits hold exactly: what is left is the rounding of activations.
ValueId exact_weights(GraphBuilder& builder, Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  const std::size_t each = values.size() / static_cast<std::size_t>(shape[0]);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = i % each == 0 ? 127.0F / 64 : static_cast<float>((i * 37) % 100) / 64;
  return builder.constant(std::move(shape), values);
}

ValueId normalized(GraphBuilder& builder) {
  const ValueId x = builder.input("x", {1, 1, 16, 16});
  return builder.node(OpKind::kInstanceNormalization,
                      {x, builder.constant({1}, {1}), builder.constant({1}, {0.25F})});
}

Graph built(GraphBuilder& builder, std::vector<ValueId> outputs) {
  auto graph = optimize_float(builder.build(std::move(outputs)), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::move(*graph);
}

// Read where it is made, pooled, and in another order of elements.
Graph network_of_a_norm() {
  GraphBuilder builder;
  const ValueId made = normalized(builder);
  const ValueId near =
      builder.node(OpKind::kConv, {made, exact_weights(builder, {4, 1, 3, 3})}, padded(1));
  const ValueId pooled = builder.node(OpKind::kAveragePool, {made},
                                      attributes({{"kernel_shape", std::vector<std::int64_t>{4, 4}},
                                                  {"strides", std::vector<std::int64_t>{4, 4}}}));
  const ValueId far = builder.node(OpKind::kConv, {pooled, exact_weights(builder, {5, 1, 1, 1})});
  const ValueId blocks =
      builder.node(OpKind::kSpaceToDepth, {made}, attributes({{"blocksize", std::int64_t{2}}}));
  const ValueId last = builder.node(OpKind::kConv, {blocks, exact_weights(builder, {3, 4, 1, 1})});
  return built(builder, {near, far, last});
}

std::size_t index_of(const Graph& graph, OpKind op) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const Node& node) { return node.op == op; });
  return static_cast<std::size_t>(found - graph.nodes.begin());
}

PlannedNetwork planned(Graph graph) {
  std::vector<Range> ranges(graph.values.size());
  return {std::move(graph), {}, std::move(ranges)};
}

Graph split(const Graph& graph, const ChannelSplit& channel_split) {
  auto result = split_channels(planned(graph), {&channel_split, 1});
  EXPECT_TRUE(result) << result.error().text();
  EXPECT_TRUE(verify(result->graph));
  EXPECT_EQ(result->ranges.size(), result->graph.values.size());
  return std::move(result->graph);
}

TEST(SplitChannels, AreTheSameFunction) {
  const Graph graph = network_of_a_norm();
  const std::string layer = graph.nodes[index_of(graph, OpKind::kInstanceNormalization)].name;
  for (const int copies : {2, 3, 8}) {
    const Graph copied = split(graph, {layer, copies, kStep});
    EXPECT_LT(largest_difference(graph, copied, kSpec), 1e-5) << copies;
  }
}

TEST(SplitChannels, BendByLessThanAStepBehindAFunction) {
  GraphBuilder builder;
  const ValueId first = builder.node(
      OpKind::kConv, {builder.input("x", {1, 1, 16, 16}), builder.random({6, 1, 3, 3}, 0.01F)},
      padded(1));
  const ValueId bent = builder.node(OpKind::kRelu, {first});
  const Graph graph =
      built(builder, {builder.node(OpKind::kConv, {bent, exact_weights(builder, {2, 6, 1, 1})})});
  const std::string layer = graph.nodes[index_of(graph, OpKind::kConv)].name;
  const double difference = largest_difference(graph, split(graph, {layer, 4, kStep}), kSpec);
  EXPECT_GT(difference, 0);
  EXPECT_LT(difference, kStep);
}

// With outputs of 16 bits, so that their own rounding does not count, and the extremes of some
// frames.
PlannedNetwork with_wide_outputs(const Graph& graph, RandomFrames& frames) {
  PlannedNetwork network = planned(graph);
  network.plan.layers.resize(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op == OpKind::kConv) network.plan.layers[i].precision.output_bits = 16;
  }
  auto calibration = calibrate(std::make_shared<const Graph>(graph), frames, {}, {});
  EXPECT_TRUE(calibration);
  network.ranges = calibration->proposals[0];
  return network;
}

QuantizedModel lowered(const PlannedNetwork& network) {
  auto model = lower(network.graph, kSpec, network.ranges, network.plan);
  EXPECT_TRUE(model) << model.error().text();
  return std::move(*model);
}

// N copies have the steps of N times as many integers: 20 lg N dB less of their noise.
TEST(SplitChannels, RoundFinerByTheirNumber) {
  RandomFrames frames(kSpec, 8);
  const PlannedNetwork network = with_wide_outputs(network_of_a_norm(), frames);
  const std::size_t node = index_of(network.graph, OpKind::kInstanceNormalization);
  const QuantizedModel whole = lowered(network);
  const double step = step_of(network.graph, node, whole.integer);
  ASSERT_GT(step, 0);
  auto judge = OutputNoise::create(std::make_shared<const Graph>(network.graph), frames, 8, 1);
  ASSERT_TRUE(judge) << judge.error().text();
  const auto before = judge->ratios(whole);
  for (const int copies : {2, 4, 8}) {
    const ChannelSplit split = {network.graph.nodes[node].name, copies, step};
    const auto copied = split_channels(network, {&split, 1});
    ASSERT_TRUE(copied) << copied.error().text();
    const auto after = judge->ratios(lowered(*copied));
    for (std::size_t output = 0; output < before->size(); ++output) {
      const double gain = 10 * std::log10(*(*before)[output] / *(*after)[output]);
      // What is pooled is rounded again, in steps of its own.
      const double least = output == 1 ? 3 : 20 * std::log10(copies) - 1.5;
      EXPECT_GT(gain, least) << copies << " copies, output " << output;
    }
  }
}

TEST(SplitChannels, AreFoundAgainInTheIntegers) {
  const Graph graph = network_of_a_norm();
  const std::size_t node = index_of(graph, OpKind::kInstanceNormalization);
  EXPECT_THAT(splits_of(graph, testing::quantized(graph, kSpec).integer), ::testing::IsEmpty());
  const ChannelSplit wanted = {graph.nodes[node].name, 3, kStep};
  const auto integer = testing::quantized(split(graph, wanted), kSpec).integer;
  const auto found = splits_of(graph, integer);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].layer, wanted.layer);
  EXPECT_EQ(found[0].copies, 3);
  EXPECT_EQ(found[0].step, step_of(graph, node, integer));
}

TEST(SplitChannels, OfLayersThatReadEachOther) {
  GraphBuilder builder;
  const ValueId first = builder.node(
      OpKind::kConv, {normalized(builder), exact_weights(builder, {4, 1, 3, 3})}, padded(1));
  const ValueId second = builder.node(OpKind::kConv, {first, exact_weights(builder, {3, 4, 1, 1})});
  const Graph graph = built(builder, {second});
  const std::string norm = graph.nodes[index_of(graph, OpKind::kInstanceNormalization)].name;
  const std::string conv = graph.nodes[index_of(graph, OpKind::kConv)].name;
  const std::vector<ChannelSplit> ways[] = {{{norm, 2, kStep}, {conv, 4, kStep}},
                                            {{conv, 4, kStep}, {norm, 2, kStep}}};
  for (const auto& way : ways) {
    auto copied = split_channels(planned(graph), way);
    ASSERT_TRUE(copied) << copied.error().text();
    EXPECT_TRUE(verify(copied->graph));
    EXPECT_LT(largest_difference(graph, copied->graph, kSpec), 1e-5);
    // One a pixel is the normalization's.
    const std::vector<double> products = multiplications(copied->graph);
    EXPECT_EQ(std::accumulate(products.begin(), products.end(), 0.0),
              256 * (1 + 2 * 9 * 4 * 4 + 4 * 4 * 3));
  }
}

TEST(SplitChannels, AreRefusedWhereCopiesCannotMeet) {
  GraphBuilder builder;
  const ValueId made = normalized(builder);
  const ValueId conv =
      builder.node(OpKind::kConv, {made, exact_weights(builder, {2, 1, 3, 3})}, padded(1));
  const ValueId grouped = builder.node(OpKind::kConv, {conv, exact_weights(builder, {2, 1, 3, 3})},
                                       attributes({{"group", std::int64_t{2}}}));
  const ValueId sum = builder.node(OpKind::kAdd, {grouped, grouped});
  const Graph graph = built(builder, {sum});
  int refused = 0;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (graph.nodes[node].op == OpKind::kInstanceNormalization) {
      EXPECT_TRUE(can_split(graph, node));
    } else {
      EXPECT_FALSE(can_split(graph, node)) << graph.nodes[node].name;
      const ChannelSplit split = {graph.nodes[node].name, 2, kStep};
      EXPECT_FALSE(split_channels(planned(graph), {&split, 1}));
      ++refused;
    }
  }
  EXPECT_GE(refused, 3);
  const ChannelSplit unknown = {"conv99", 2, kStep};
  const auto result = split_channels(planned(graph), {&unknown, 1});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().text(), ::testing::HasSubstr("conv99"));
}

TEST(SplitSearch, TakesWhatGainsWithinItsLimit) {
  RandomFrames frames(kSpec, 8);
  const PlannedNetwork network = with_wide_outputs(network_of_a_norm(), frames);
  SplitSearchOptions options;
  options.most_added = 1.5;  // each copy adds as much as there was
  const auto found = search_splits(network, kSpec, frames, options, {});
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->splits.size(), 1U);
  EXPECT_EQ(found->splits[0].copies, 2);
  EXPECT_NEAR(found->added, 1, 0.03);
  EXPECT_NEAR(found->gain_db, 6, 1);
  options.most_added = 0.9;
  const auto none = search_splits(network, kSpec, frames, options, {});
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_THAT(none->splits, ::testing::IsEmpty());
}

}  // namespace
}  // namespace quant
