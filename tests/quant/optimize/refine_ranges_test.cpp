// SPDX-License-Identifier: MIT
#include "quant/optimize/refine_ranges.h"

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

constexpr int kFrames = 32;
const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

// Behind SiLU it makes no difference how far below −6 a value lies.
struct Network {
  std::shared_ptr<const Graph> graph;
  ValueId before_silu = kNoValue;
  std::vector<Range> seen;
};

Network network() {
  GraphBuilder builder;
  ValueId value = builder.input("x", {1, 3, 10, 12});
  value = builder.node(OpKind::kConv,
                       {value, builder.random({8, 3, 3, 3}, 8.0F),
                        builder.constant({8}, std::vector<float>(8, -30))},
                       padded(1));
  value = builder.node(OpKind::kSilu, {value});
  value = builder.node(OpKind::kConv, {value, builder.random({6, 8, 3, 3}, 0.5F)}, padded(1));
  auto optimized = optimize_float(builder.build({value}), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  Network result;
  result.graph = std::make_shared<const Graph>(std::move(*optimized));
  for (const Node& node : result.graph->nodes) {
    if (node.op == OpKind::kSilu) result.before_silu = node.inputs[0];
  }
  RandomFrames frames(kSpec, kFrames);
  auto calibration = calibrate(result.graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  result.seen = calibration->proposals[0];
  return result;
}

std::vector<Range> refine(const Network& network, const RefineRangesOptions& options = {}) {
  RandomFrames frames(kSpec, kFrames);
  auto ranges = refine_ranges(network.graph, kSpec, network.seen, frames, options, {});
  EXPECT_TRUE(ranges) << ranges.error().text();
  return ranges.value_or(std::vector<Range>());
}

double noise(const Network& network, const std::vector<Range>& ranges) {
  RandomFrames frames(kSpec, 3 * kFrames);  // most of them did not choose
  auto judge = OutputNoise::create(network.graph, frames, 3 * kFrames, 1);
  auto model = lower(*network.graph, kSpec, ranges);
  EXPECT_TRUE(judge && model);
  return judge->measure(*model).value_or(0);
}

TEST(RefineRanges, CutsOffWhatMakesNoDifferenceBehind) {
  const Network net = network();
  ASSERT_NE(net.before_silu, kNoValue);
  const auto id = static_cast<std::size_t>(net.before_silu);
  ASSERT_LT(net.seen[id].min, -20);
  const std::vector<Range> ranges = refine(net);
  EXPECT_GT(ranges[id].min, 0.6F * net.seen[id].min);
  EXPECT_GT(ranges[id].max, net.seen[id].max / 2);  // what SiLU lets through stays
  EXPECT_LT(noise(net, ranges), noise(net, net.seen) - 1);
}

TEST(RefineRanges, GivenRangesStay) {
  const Network net = network();
  RefineRangesOptions options;
  options.given = {net.before_silu};
  const auto id = static_cast<std::size_t>(net.before_silu);
  EXPECT_EQ(refine(net, options)[id], net.seen[id]);
}

TEST(RefineRanges, TheSameWithAnyNumberOfThreads) {
  const Network net = network();
  RefineRangesOptions options;
  options.threads = 3;
  EXPECT_EQ(refine(net), refine(net, options));
}

TEST(RefineRanges, AnEmptySetIsAnError) {
  const Network net = network();
  RandomFrames none(kSpec, 0);
  EXPECT_FALSE(refine_ranges(net.graph, kSpec, net.seen, none, {}, {}));
}

}  // namespace
}  // namespace quant
