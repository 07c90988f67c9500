// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_parts.h"

#include <gmock/gmock.h>

#include "quant/graph_builder.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/random_frames.h"
#include "quant/passes/optimize_float.h"

namespace quant {
namespace {

using ::testing::Contains;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using testing::padded;

TEST(Multiplications, OfConvolutionsAndProducts) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 4, 6, 8});
  Attributes depthwise = padded(1);
  depthwise.set("group", std::int64_t{4});
  const ValueId a = builder.node(OpKind::kConv, {x, builder.random({4, 1, 3, 3}, 1)}, depthwise);
  const ValueId b = builder.node(OpKind::kConv, {a, builder.random({5, 4, 1, 1}, 1)});
  const ValueId rows = builder.node(OpKind::kReshape, {b, builder.integers({1, 5, 48})});
  const ValueId fc = builder.node(OpKind::kMatMul, {rows, builder.random({48, 7}, 1)});
  const Graph graph = builder.build({fc});
  EXPECT_THAT(multiplications(graph), ElementsAre(4 * 48 * 9, 5 * 48 * 4, 0, 5 * 7 * 48));
}

// Two convolutions, joined, and one that reads both: 16 bits of one make it read 16 of the other.
TEST(PrecisionParts, WhatMeetsAtAReaderIsPaidOnce) {
  const InputSpec spec = testing::input_spec(8, 6, 3, {0}, {1});
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 8});
  const ValueId a = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  const ValueId b = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  Attributes axis;
  axis.set("axis", std::int64_t{1});
  const ValueId joined = builder.node(OpKind::kConcat, {a, b}, axis);
  const ValueId y = builder.node(OpKind::kConv, {joined, builder.random({5, 8, 1, 1}, 1)});
  auto optimized = optimize_float(builder.build({y}), spec);
  ASSERT_TRUE(optimized) << optimized.error().text();
  const auto graph = std::make_shared<const Graph>(std::move(*optimized));
  const std::vector<Range> ranges(graph->values.size(), Range{-1, 1});
  const auto parts = PrecisionParts::find(graph, spec, ranges, {});
  ASSERT_TRUE(parts) << parts.error().text();
  // The frame's normalization has weights; then by layer: activations, weights.
  ASSERT_EQ(parts->count(), 7U);
  EXPECT_THAT(parts->moves(), Contains(ElementsAre(1, 3)));

  const auto added = [&](std::vector<std::size_t> wide) {
    std::vector<bool> choice(parts->count(), false);
    const double none = parts->bit_operations(parts->plan_of(choice));
    for (const std::size_t part : wide) choice[part] = true;
    return parts->bit_operations(parts->plan_of(choice)) - none;
  };
  const double read = (5 * 48 * 8) * 64;  // multiplications by 8 more bits by 8
  EXPECT_THAT(added({1}), DoubleEq(read));
  EXPECT_THAT(added({1, 3}), DoubleEq(read));
  EXPECT_THAT(added({6}), DoubleEq(read));
  // Beside wide activations, wide weights cost twice as much.
  EXPECT_THAT(added({1, 3, 6}), DoubleEq(3 * read));
}

}  // namespace
}  // namespace quant
