// SPDX-License-Identifier: MIT
// Which operators behind a convolution become part of it. That results stay the same is for
// float_executor_test to say.
#include <gtest/gtest.h>

#include <vector>

#include "quant/engine/float_rewrite.h"
#include "quant/graph/operator.h"

namespace quant {
namespace {

// Conv of (1, 2, 4, 4) without a bias, and whatever a test puts behind it.
class Network {
 public:
  explicit Network(const Shape& bias = {}) {
    Value image;
    image.name = "image";
    image.shape = {1, 2, 4, 4};
    graph_.inputs = {graph_.add_value(std::move(image))};
    std::vector<ValueId> inputs{graph_.inputs[0], constant({4, 2, 1, 1}, 1)};
    if (!bias.empty()) inputs.push_back(constant(bias, 8));
    last_ = add(OpKind::kConv, inputs);
  }
  ValueId image() const { return graph_.inputs[0]; }
  ValueId last() const { return last_; }
  ValueId constant(const Shape& shape, float value) {
    Tensor tensor(DataType::kFloat32, shape);
    for (float& each : tensor.data<float>()) each = value;
    return graph_.add_constant("constant", std::move(tensor));
  }
  ValueId add(OpKind op, const std::vector<ValueId>& inputs) {
    Node node;
    node.op = op;
    node.inputs = inputs;
    Value value;
    value.shape = {-1};
    node.outputs = {graph_.add_value(std::move(value))};
    graph_.nodes.push_back(node);
    return last_ = node.outputs[0];
  }
  // What is left after fusing for `wanted`.
  Graph fused(std::vector<ValueId> wanted) {
    FloatGraph result{graph_, std::move(wanted)};
    EXPECT_TRUE(infer_shapes(result.graph));
    fuse_into_convolutions(result);
    return result.graph;
  }
  Graph fused() { return fused({last_}); }

 private:
  Graph graph_;
  ValueId last_ = kNoValue;
};

TEST(FuseIntoConvolutions, AConstantPerChannelIsABias) {
  for (const Shape& shape : {Shape{1, 4, 1, 1}, Shape{4, 1, 1}}) {
    Network network;
    network.add(OpKind::kAdd, {network.constant(shape, 3), network.last()});
    const ValueId biased = network.last();
    network.add(OpKind::kMul, {biased, network.add(OpKind::kSigmoid, {biased})});
    const Graph graph = network.fused();
    ASSERT_EQ(graph.nodes.size(), 1U);
    const Tensor& bias = *graph.value(graph.nodes[0].inputs[2]).constant;
    EXPECT_EQ(bias.shape(), Shape{4});
    EXPECT_EQ(bias.data<float>()[3], 3);
  }
}

TEST(FuseIntoConvolutions, TwoBiasesAreOne) {
  Network network({4});
  network.add(OpKind::kAdd, {network.last(), network.constant({4, 1, 1}, 3)});
  const Graph graph = network.fused();
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[2]).constant->data<float>()[0], 11);
}

// The last axes are height and width: four values there are no four channels.
TEST(FuseIntoConvolutions, OtherConstantsAreNoBias) {
  for (const Shape& shape :
       {Shape{4}, Shape{4, 1}, Shape{1, 1, 4}, Shape{1, 4, 4, 4}, Shape{1, 1, 4, 1, 1}}) {
    Network network;
    network.add(OpKind::kAdd, {network.last(), network.constant(shape, 3)});
    EXPECT_EQ(network.fused().nodes.size(), 2U) << to_string(shape);
  }
}

TEST(FuseIntoConvolutions, WhatSomebodyWantsStays) {
  Network network;
  const ValueId plain = network.last();
  const ValueId sum = network.add(OpKind::kAdd, {plain, network.constant({4, 1, 1}, 3)});
  EXPECT_EQ(network.fused({plain, sum}).nodes.size(), 2U);
}

}  // namespace
}  // namespace quant
