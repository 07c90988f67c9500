// SPDX-License-Identifier: MIT
// Every pass keeps what the network computes, and does what it is for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "quant/engine/float_executor.h"
#include "quant/graph_builder.h"
#include "quant/passes/fold_channel_affine.h"
#include "quant/passes/fuse_silu.h"
#include "quant/passes/insert_normalization.h"
#include "quant/passes/optimize_float.h"
#include "quant/passes/remove_no_ops.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;
using testing::padded;

Tensor ramp(const Shape& shape) {
  Tensor tensor(DataType::kFloat32, shape);
  float value = -1.0F;
  for (float& element : tensor.data<float>())
    element = value = std::fmod(value * 1.7F + 0.3F, 2.0F);
  return tensor;
}

std::vector<float> outputs_of(const Graph& graph, const Tensor& input) {
  auto executor = FloatExecutor::create(std::make_shared<const Graph>(graph));
  EXPECT_TRUE(executor) << executor.error().text();
  std::vector<Tensor> outputs;
  EXPECT_TRUE(executor->run(std::span(&input, 1), outputs));
  std::vector<float> all;
  for (const Tensor& output : outputs)
    all.insert(all.end(), output.data<float>().begin(), output.data<float>().end());
  return all;
}

void expect_same_network(const Graph& before, const Graph& after) {
  ASSERT_TRUE(verify(after)) << verify(after).error().text();
  const Tensor input = ramp(before.value(before.inputs[0]).shape);
  const auto expected = outputs_of(before, input);
  const auto found = outputs_of(after, input);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-4F * (1.0F + std::abs(expected[i])));
}

std::size_t count(const Graph& graph, OpKind op) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                                [&](const Node& node) { return node.op == op; }));
}

TEST(FoldChannelAffine, BatchNormAndConstantsGoIntoTheConvolution) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 5, 6});
  ValueId y = builder.node(OpKind::kConv, {x, builder.random({4, 3, 3, 3}, 1)}, padded(1));
  y = builder.node(OpKind::kBatchNormalization,
                   {y, builder.random({4}, 2), builder.random({4}, 1), builder.random({4}, 1),
                    builder.constant({4}, {0.5F, 1.0F, 2.0F, 0.1F})});
  y = builder.node(OpKind::kMul, {builder.random({4, 1, 1}, 1), y});
  y = builder.node(OpKind::kAdd, {y, builder.random({1, 4, 1, 1}, 1)});
  y = builder.node(OpKind::kSub, {y, builder.constant({}, {0.25F})});
  y = builder.node(OpKind::kDiv, {y, builder.constant({1}, {2.0F})});
  const Graph before = builder.build({y});
  Graph after = before;
  ASSERT_TRUE(fold_channel_affine(after));
  EXPECT_EQ(after.nodes.size(), 1U);
  EXPECT_EQ(after.nodes[0].original_names.size(), 6U);
  EXPECT_EQ(after.value(after.outputs[0]).name, before.value(before.outputs[0]).name);
  expect_same_network(before, after);
}

TEST(FoldChannelAffine, GroupedTransposedConvolutionAndGemm) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 4, 3, 3});
  ValueId y = builder.node(OpKind::kConvTranspose,
                           {x, builder.random({4, 3, 2, 2}, 1), builder.random({6}, 1)},
                           attributes({{"group", std::int64_t{2}}}));
  y = builder.node(OpKind::kMul, {y, builder.random({1, 6, 1, 1}, 1)});
  y = builder.node(OpKind::kFlatten, {y});
  y = builder.node(OpKind::kGemm, {y, builder.random({96, 5}, 1)});
  y = builder.node(OpKind::kAdd, {y, builder.random({5}, 1)});
  const Graph before = builder.build({y});
  Graph after = before;
  ASSERT_TRUE(fold_channel_affine(after));
  EXPECT_EQ(after.nodes.size(), 3U);
  expect_same_network(before, after);
}

TEST(FoldChannelAffine, ConstantsOverPositionsStay) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  // Four values along the width, as many as channels: still no per-channel constant.
  Graph graph = builder.build({builder.node(OpKind::kAdd, {y, builder.random({4}, 1)})});
  ASSERT_TRUE(fold_channel_affine(graph));
  EXPECT_EQ(graph.nodes.size(), 2U);
}

TEST(FoldChannelAffine, AnOutputInBetweenStays) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  const ValueId z = builder.node(OpKind::kMul, {y, builder.constant({}, {2.0F})});
  const Graph before = builder.build({y, z});
  Graph after = before;
  ASSERT_TRUE(fold_channel_affine(after));
  EXPECT_EQ(after.nodes.size(), 2U);
  expect_same_network(before, after);
}

TEST(FuseSilu, BothOrdersOfTheProduct) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  ValueId y = builder.node(OpKind::kMul, {x, builder.node(OpKind::kSigmoid, {x})});
  y = builder.node(OpKind::kMul, {builder.node(OpKind::kSigmoid, {y}), y});
  const Graph before = builder.build({y});
  Graph after = before;
  fuse_silu(after);
  EXPECT_EQ(count(after, OpKind::kSilu), 2U);
  EXPECT_EQ(after.nodes.size(), 2U);
  expect_same_network(before, after);
}

TEST(FuseSilu, AGateOfAnotherTensorStays) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 4});
  const ValueId other = builder.node(OpKind::kNeg, {x});
  Graph graph =
      builder.build({builder.node(OpKind::kMul, {x, builder.node(OpKind::kSigmoid, {other})})});
  fuse_silu(graph);
  EXPECT_EQ(count(graph, OpKind::kSilu), 0U);
}

TEST(RemoveNoOps, WhatChangesNothingGoesAndNamesStay) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 1, 4, 4});
  ValueId y = builder.node(OpKind::kReduceMean, {x, builder.integers({1})});
  y = builder.node(OpKind::kTranspose, {y},
                   attributes({{"perm", std::vector<std::int64_t>{0, 1, 2, 3}}}));
  y = builder.node(OpKind::kNeg, {y});
  y = builder.node(OpKind::kReshape, {y, builder.integers({1, 1, 4, 4})});
  const Graph before = builder.build({y});
  Graph after = before;
  remove_no_ops(after);
  EXPECT_EQ(after.nodes.size(), 1U);
  EXPECT_EQ(after.value(after.outputs[0]).name, before.value(before.outputs[0]).name);
  expect_same_network(before, after);
}

TEST(OptimizeFloat, TakesPixelsAndGivesTheSameOutputs) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 5});
  const ValueId y = builder.node(OpKind::kConv, {x, builder.random({4, 3, 3, 3}, 1)}, padded(1));
  const Graph before = builder.build({y});
  InputSpec spec;
  spec.name = "x";
  spec.width = 5;
  spec.height = 4;
  spec.mean = {100, 110, 120};
  spec.std = {50, 60, 70};
  const auto after = optimize_float(before, spec);
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_EQ(after->nodes[0].name, "normalization1");
  const Tensor input = ramp({1, 3, 4, 5});
  Tensor pixels = input.clone();
  for (std::size_t i = 0; i < 60; ++i)
    pixels.data<float>()[i] = input.data<float>()[i] * spec.std[i / 20] + spec.mean[i / 20];
  const auto expected = outputs_of(before, input);
  const auto found = outputs_of(*after, pixels);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-4F);
}

TEST(InsertNormalization, AnotherSizeIsAnErrorThatNamesTheInput) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 4, 5});
  Graph graph = builder.build({builder.node(OpKind::kNeg, {x})});
  InputSpec spec;
  spec.name = "x";
  spec.width = 4;
  spec.height = 5;
  spec.mean = {0, 0, 0};
  spec.std = {1, 1, 1};
  const auto status = insert_normalization(graph, spec);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().context, "x");
}

}  // namespace
}  // namespace quant
