// SPDX-License-Identifier: MIT
#include "quant/optimize/compression.h"

#include <gtest/gtest.h>

#include "quant/graph_builder.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::GraphBuilder;
using testing::input_spec;
using testing::padded;
using testing::RandomFrames;

const InputSpec kSpec = input_spec(12, 10, 3, {127, 127, 127}, {128, 128, 128});

// Three convolutions of 6·3·9, 6·6·9 and 6·6·9 weights. Those of the second lie on a grid of 4
// bits: they lose nothing.
std::shared_ptr<const Graph> network() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 10, 12});
  std::vector<float> grid(6 * 6 * 9);
  for (std::size_t i = 0; i < grid.size(); ++i)
    grid[i] = static_cast<float>(static_cast<int>(i * 7 % 15) - 7) * 0.0625F;
  ValueId value = builder.node(OpKind::kConv, {x, builder.random({6, 3, 3, 3}, 0.5F)}, padded(1));
  value = builder.node(OpKind::kConv, {value, builder.constant({6, 6, 3, 3}, grid)}, padded(1));
  value = builder.node(OpKind::kConv, {value, builder.random({6, 6, 3, 3}, 0.5F)}, padded(1));
  auto optimized = optimize_float(builder.build({value}), kSpec);
  EXPECT_TRUE(optimized) << optimized.error().text();
  return std::make_shared<const Graph>(std::move(*optimized));
}

Result<QuantizationPlan> compressed(const std::shared_ptr<const Graph>& graph,
                                    CompressionOptions options) {
  RandomFrames frames(kSpec, 4);
  auto calibration = calibrate(graph, frames, {}, {});
  EXPECT_TRUE(calibration);
  return compress_weights(graph, kSpec, calibration->proposals[0], {}, frames, options, {});
}

std::vector<int> weight_bits(const Graph& graph, const QuantizationPlan& plan) {
  std::vector<int> result;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (graph.nodes[node].op == OpKind::kConv)
      result.push_back(plan.layer(node).precision.weight_bits);
  }
  return result;
}

TEST(Compression, TakesFirstWhatLosesNothing) {
  const auto graph = network();
  CompressionOptions options;
  options.share_in_4_bits = 0.3;
  const auto plan = compressed(graph, options);
  ASSERT_TRUE(plan) << plan.error().text();
  EXPECT_EQ(weight_bits(*graph, *plan), (std::vector<int>{8, 4, 8}));
}

TEST(Compression, AllAndNone) {
  const auto graph = network();
  CompressionOptions options;
  options.share_in_4_bits = 1;
  const auto all = compressed(graph, options);
  ASSERT_TRUE(all);
  EXPECT_EQ(weight_bits(*graph, *all), (std::vector<int>{4, 4, 4}));
  options.share_in_4_bits = 0;
  const auto none = compressed(graph, options);
  ASSERT_TRUE(none);
  EXPECT_EQ(weight_bits(*graph, *none), (std::vector<int>{8, 8, 8}));
}

TEST(Compression, SharesBeyondAllAreRefused) {
  CompressionOptions options;
  options.share_in_4_bits = 0.7;
  options.share_in_16_bits = 0.4;
  const auto plan = compressed(network(), options);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace quant
