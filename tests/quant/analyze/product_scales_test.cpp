// SPDX-License-Identifier: MIT
// The scales that equalization put into a network are found again in the integers alone.
#include "quant/analyze/product_scales.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quant/graph_builder.h"
#include "quant/optimize/equalize_products.h"
#include "quant/optimize/network_figures.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;
using testing::input_spec;
using testing::quantized;
using testing::RandomFrames;

constexpr std::int64_t kTokens = 48;
constexpr std::int64_t kWidth = 8;

const InputSpec kSpec = input_spec(8, 6, 3, {127, 127, 127}, {128, 128, 128});

// Channel 5 is `factor` times as large as the rest.
std::vector<float> weights(float phase, float factor) {
  std::vector<float> values(3 * kWidth);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<float>(i) * 1.9F + phase) * (i % kWidth == 5 ? factor : 1.0F);
  return values;
}

// q·kᵀ, both by layers of their own, one with a bias.
Graph attention() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 8});
  const ValueId tokens = builder.node(
      OpKind::kTranspose, {builder.node(OpKind::kReshape, {x, builder.integers({1, 3, kTokens})})},
      attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  const auto dense = [&](const std::vector<float>& values) {
    return builder.node(OpKind::kMatMul, {tokens, builder.constant({3, kWidth}, values)});
  };
  const ValueId q = builder.node(
      OpKind::kAdd,
      {dense(weights(0.5F, 100)), builder.constant({kWidth}, std::vector<float>(kWidth, 0.25F))});
  const ValueId k = builder.node(OpKind::kTranspose, {dense(weights(2, 0.01F))},
                                 attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  auto graph = optimize_float(builder.build({builder.node(OpKind::kMatMul, {q, k})}), kSpec);
  EXPECT_TRUE(graph) << graph.error().text();
  return std::move(*graph);
}

Graph equalized(const Graph& graph) {
  std::vector<std::size_t> nodes(graph.nodes.size());
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  RandomFrames frames(kSpec, 3);
  auto result = equalize_products(graph, frames, nodes, {}, 1, {});
  EXPECT_TRUE(result) << result.error().text();
  return std::move(*result);
}

// Of all float constants, relative to each value.
double largest_difference(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.values.size(), b.values.size());
  double largest = 0;
  for (std::size_t id = 0; id < a.values.size(); ++id) {
    const auto& constant = a.values[id].constant;
    if (!constant || constant->type() != DataType::kFloat32) continue;
    const auto x = constant->data<float>();
    const auto y = std::as_const(*b.values[id].constant).data<float>();
    for (std::size_t i = 0; i < x.size(); ++i)
      largest = std::max<double>(largest, std::abs(x[i] - y[i]) / std::max(std::abs(x[i]), 1e-6F));
  }
  return largest;
}

TEST(ProductScales, AreReadOffTheWeights) {
  const Graph original = attention();
  const Graph scaled = equalized(original);
  ASSERT_GT(largest_difference(original, scaled), 1);
  auto found = with_product_scales(original, quantized(scaled, kSpec).integer);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_LT(largest_difference(scaled, *found), 1e-4);
}

TEST(ProductScales, NothingScaledNothingChanged) {
  const Graph original = attention();
  auto found = with_product_scales(original, quantized(original, kSpec).integer);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(largest_difference(original, *found), 0);
}

}  // namespace
}  // namespace quant
