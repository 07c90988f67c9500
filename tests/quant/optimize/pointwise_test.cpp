// SPDX-License-Identifier: MIT
#include "quant/optimize/pointwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/graph_builder.h"
#include "quant/optimize/choose_params.h"

namespace quant {
namespace {

using testing::GraphBuilder;

TEST(PointwiseChains, HardSwishWrittenOutIsOneTable) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 4, 4});
  const ValueId shifted = builder.node(OpKind::kAdd, {x, builder.constant({}, {3.0F})});
  const ValueId clipped = builder.node(
      OpKind::kClip, {shifted, builder.constant({}, {0.0F}), builder.constant({}, {6.0F})});
  const ValueId product = builder.node(OpKind::kMul, {x, clipped});
  const ValueId result = builder.node(OpKind::kDiv, {product, builder.constant({}, {6.0F})});
  const Graph graph = builder.build({result});
  const PointwiseChains chains(graph, std::vector<bool>(graph.nodes.size(), false));
  EXPECT_EQ(chains.root(result), x);
  EXPECT_TRUE(chains.is_materialized(x));
  EXPECT_FALSE(chains.is_materialized(clipped));

  const QuantParams in = activation_params({-6.0F, 6.0F});
  const QuantParams out = activation_params({-0.375F, 6.0F});
  std::vector<std::string> names;
  const auto table = chains.table(result, in, out, names);
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(names.size(), 4U);
  for (int q = 0; q < 256; ++q) {
    const double real = (q - static_cast<double>(in.zero_point[0])) * in.scale[0];
    const double hard_swish = real * std::clamp(real + 3, 0.0, 6.0) / 6;
    const double level = std::clamp(hard_swish / out.scale[0] + out.zero_point[0], 0.0, 255.0);
    // Float32 steps against double: a tie may fall either way.
    EXPECT_NEAR(table->data<std::uint8_t>()[static_cast<std::size_t>(q)], level, 0.5001) << q;
  }
}

TEST(PointwiseChains, TwoRootsAreNoChain) {
  GraphBuilder builder;
  const ValueId a = builder.input("a", {1, 2, 4, 4});
  const ValueId b = builder.input("b", {1, 2, 4, 4});
  const ValueId gate = builder.node(OpKind::kSigmoid, {b});
  const ValueId product = builder.node(OpKind::kMul, {a, gate});
  const Graph graph = builder.build({product});
  const PointwiseChains chains(graph, std::vector<bool>(graph.nodes.size(), false));
  EXPECT_EQ(chains.root(product), product);
  EXPECT_EQ(chains.root(gate), b);
  EXPECT_TRUE(chains.is_materialized(gate));
}

}  // namespace
}  // namespace quant
