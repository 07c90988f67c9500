// SPDX-License-Identifier: MIT
#include "quant/optimize/range_search.h"

#include <gtest/gtest.h>

#include "quant/graph_builder.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::GraphBuilder;
using testing::input_spec;
using testing::padded;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

std::shared_ptr<const Graph> network() {
  GraphBuilder builder;
  ValueId value = builder.input("x", {1, 3, 10, 12});
  for (int layer = 0; layer < 3; ++layer) {
    const std::int64_t channels = layer == 0 ? 3 : 6;
    value =
        builder.node(OpKind::kConv, {value, builder.random({6, channels, 3, 3}, 0.5F)}, padded(1));
  }
  auto optimized = optimize_float(builder.build({value}), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  return std::make_shared<const Graph>(std::move(*optimized));
}

std::vector<Range> seen(const std::shared_ptr<const Graph>& graph) {
  RandomFrames frames(kSpec, 4);
  auto calibration = calibrate(graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  return calibration->proposals[0];
}

std::vector<Range> search(const std::shared_ptr<const Graph>& graph,
                          const std::vector<std::vector<Range>>& proposals) {
  RandomFrames frames(kSpec, 4);
  auto ranges = search_ranges(graph, kSpec, proposals, frames, {}, {});
  EXPECT_TRUE(ranges) << ranges.error().text();
  return *ranges;
}

Range wider(Range range) { return {range.min * 8, range.max * 8}; }

ValueId output_of_convolution(const Graph& graph, int number) {
  for (const Node& node : graph.nodes) {
    if (node.op == OpKind::kConv && number-- == 0) return node.outputs[0];
  }
  return kNoValue;
}

TEST(RangeSearch, TakesTheBestOfEachProposal) {
  const auto graph = network();
  const std::vector<Range> good = seen(graph);
  // Each proposal is bad at one tensor where the other is good.
  std::vector<std::vector<Range>> proposals = {good, good};
  for (int proposal = 0; proposal < 2; ++proposal) {
    const auto bad = static_cast<std::size_t>(output_of_convolution(*graph, proposal));
    auto& range = proposals[static_cast<std::size_t>(proposal)][bad];
    range = wider(range);
  }
  EXPECT_EQ(search(graph, proposals), good);
}

TEST(RangeSearch, ClippingThatHurtsTheOutputIsNotTaken) {
  const auto graph = network();
  const std::vector<Range> good = seen(graph);
  std::vector<Range> clipped = good;
  for (Range& range : clipped) range = {range.min / 4, range.max / 4};
  EXPECT_EQ(search(graph, {clipped, good}), good);
}

TEST(RangeSearch, OneProposalIsTheAnswer) {
  const auto graph = network();
  const std::vector<Range> ranges = seen(graph);
  EXPECT_EQ(search(graph, {ranges}), ranges);
}

TEST(RangeSearch, AnEmptySetIsAnError) {
  const auto graph = network();
  RandomFrames frames(kSpec, 0);
  const std::vector<std::vector<Range>> proposals = {
      std::vector<Range>(graph->values.size(), Range{-1, 1})};
  EXPECT_FALSE(search_ranges(graph, kSpec, proposals, frames, {}, {}));
}

}  // namespace
}  // namespace quant
