// SPDX-License-Identifier: MIT
#include "quant/onnx/layer_names.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;

ValueId add_float(Graph& graph, const Shape& shape, bool is_constant = false) {
  const std::string name = "t" + std::to_string(graph.values.size());
  if (is_constant) return graph.add_constant(name, Tensor(DataType::kFloat32, shape));
  Value value;
  value.name = name;
  value.shape = shape;
  return graph.add_value(std::move(value));
}

Node& add_layer(Graph& graph, OpKind op, const std::vector<ValueId>& inputs = {}) {
  Node node;
  node.op = op;
  node.inputs = inputs;
  return graph.nodes.emplace_back(std::move(node));
}

std::vector<std::string> names(Graph graph) {
  name_layers(graph);
  std::vector<std::string> result;
  for (const Node& node : graph.nodes) result.push_back(node.name);
  return result;
}

TEST(LayerNames, CountsEveryPrefixFromOne) {
  Graph graph;
  for (const OpKind op : {OpKind::kConv, OpKind::kRelu, OpKind::kConv, OpKind::kAdd, OpKind::kSum,
                          OpKind::kSigmoid, OpKind::kGlobalAveragePool, OpKind::kAveragePool}) {
    add_layer(graph, op);
  }
  EXPECT_THAT(names(graph), ElementsAre("conv1", "activation1", "conv2", "ew_add1", "ew_add2",
                                        "activation2", "avgpool1", "avgpool2"));
}

TEST(LayerNames, DepthwiseHasAGroupForEveryChannel) {
  Graph graph;
  const ValueId eight = add_float(graph, {1, 8, 4, 4});
  const ValueId one = add_float(graph, {1, 1, 4, 4});
  add_layer(graph, OpKind::kConv, {eight}).attributes.set("group", std::int64_t{8});
  add_layer(graph, OpKind::kConv, {eight}).attributes.set("group", std::int64_t{2});
  add_layer(graph, OpKind::kConv, {one}).attributes.set("group", std::int64_t{1});
  EXPECT_THAT(names(graph), ElementsAre("dw1", "conv1", "conv2"));
}

TEST(LayerNames, FullyConnectedHasConstantWeights) {
  Graph graph;
  const ValueId activation = add_float(graph, {1, 8});
  const ValueId weights = add_float(graph, {8, 8}, true);
  add_layer(graph, OpKind::kGemm, {activation, weights});
  add_layer(graph, OpKind::kMatMul, {weights, activation});
  add_layer(graph, OpKind::kMatMul, {activation, activation});
  EXPECT_THAT(names(graph), ElementsAre("fc1", "fc2", "matmul1"));
}

TEST(LayerNames, OtherOperatorsInSnakeCase) {
  Graph graph;
  for (const OpKind op : {OpKind::kReduceMean, OpKind::kNonMaxSuppression, OpKind::kLRN,
                          OpKind::kGatherND, OpKind::kReduceL2, OpKind::kSpaceToDepth,
                          OpKind::kSplit, OpKind::kIsNaN, OpKind::kTranspose, OpKind::kFlatten}) {
    add_layer(graph, op);
  }
  EXPECT_THAT(names(graph), ElementsAre("reduce_mean1", "non_max_suppression1", "lrn1",
                                        "gather_nd1", "reduce_l21", "space_to_depth1",
                                        "feature_splitter1", "is_nan1", "transpose1", "reshape1"));
}

TEST(LayerNames, InputAndOutputLayers) {
  Graph graph;
  graph.inputs = {add_float(graph, {1})};
  graph.outputs = {add_float(graph, {1}), add_float(graph, {1})};
  EXPECT_THAT(input_layer_names(graph), ElementsAre("input_layer1"));
  EXPECT_THAT(output_layer_names(graph), ElementsAre("output_layer1", "output_layer2"));
}

}  // namespace
}  // namespace quant
