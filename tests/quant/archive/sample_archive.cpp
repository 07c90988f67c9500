// SPDX-License-Identifier: MIT
#include "quant/archive/sample_archive.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace quant::testing {
namespace {

QuantParams params(DataType type, std::vector<float> scale, std::vector<float> zero_point,
                   int axis = 0) {
  return {type, std::move(scale), std::move(zero_point), axis, -1.5f, 2.25f};
}

ValueId add(Graph& graph, const std::string& name, DataType type, Shape shape,
            std::optional<QuantParams> quant) {
  Value value;
  value.name = name;
  value.type = type;
  value.shape = std::move(shape);
  value.quant = std::move(quant);
  return graph.add_value(std::move(value));
}

Graph integer_graph() {
  Graph graph;
  graph.name = "sample";
  const ValueId frame = add(graph, "images", DataType::kUint8, {1, 3, 4, 6},
                            params(DataType::kUint8, {1 / 58.395f, 1 / 57.12f, 1 / 57.375f},
                                   {123.675f, 116.28f, 103.53f}, 1));
  const std::vector<std::int8_t> weights = {1, -2, 127, -127, 0, 5};
  const ValueId weight =
      graph.add_constant("conv1/weight:0", Tensor::from<std::int8_t>({2, 3, 1, 1}, weights));
  graph.value(weight).quant = params(DataType::kInt8, {0.1f, 1e-30f}, {0, 0});
  const std::vector<std::int32_t> biases = {std::numeric_limits<std::int32_t>::min(), 77};
  const ValueId bias =
      graph.add_constant("bias with spaces ü", Tensor::from<std::int32_t>({2}, biases));
  graph.value(bias).quant = params(DataType::kInt32, {0.25f, 0.5f}, {0, 0});
  const ValueId output = add(graph, "scores", DataType::kUint8, {1, 2, 4, 6},
                             params(DataType::kUint8, {0.0078125f}, {128}));

  Node node;
  node.op = OpKind::kConv;
  node.name = "conv1";
  node.original_names = {"/model/Conv_0", "/model/Relu_1"};
  node.inputs = {frame, weight, bias, kNoValue};
  node.outputs = {output, kNoValue};
  node.attributes.set("pads",
                      std::vector<std::int64_t>{0, -1, std::numeric_limits<std::int64_t>::max()});
  node.attributes.set("group", std::int64_t{std::numeric_limits<std::int64_t>::min()});
  node.attributes.set("min", -std::numeric_limits<float>::infinity());
  node.attributes.set("max", std::numeric_limits<float>::infinity());
  node.attributes.set("nothing", std::numeric_limits<float>::quiet_NaN());
  node.attributes.set("tiny", std::numeric_limits<float>::denorm_min());
  node.attributes.set("third", 1.0f / 3.0f);
  node.attributes.set("zero", -0.0f);
  node.attributes.set("scales", std::vector<float>{0.1f, 3.4028235e38f, -1e-20f});
  node.attributes.set("empty", std::vector<float>{});
  node.attributes.set("mode", std::string("line one\n\"quoted\" \xE2\x82\xAC"));
  node.attributes.set("names", std::vector<std::string>{"a", ""});
  node.attributes.set("table", Tensor::from<std::uint8_t>({3}, std::vector<std::uint8_t>{9, 8, 7}));
  graph.nodes.push_back(node);

  // A layer of 16 bits, its output with parameters per channel.
  const std::vector<std::int16_t> weights16 = {-32767, 32767, 0, -1};
  const ValueId weight16 =
      graph.add_constant("conv2/weight", Tensor::from<std::int16_t>({2, 2, 1, 1}, weights16));
  graph.value(weight16).quant = params(DataType::kInt16, {3e-5f}, {0});
  const std::vector<std::int64_t> biases64 = {-(std::int64_t{1} << 53),
                                              (std::int64_t{1} << 53) - 1};
  const ValueId bias64 =
      graph.add_constant("conv2/bias", Tensor::from<std::int64_t>({2}, biases64));
  graph.value(bias64).quant = params(DataType::kInt64, {2.5e-7f}, {0});
  const ValueId wide = add(graph, "wide", DataType::kUint16, {1, 2, 4, 6},
                           params(DataType::kUint16, {1e-4f, 2e-4f}, {65535, 40000}, 1));
  Node second;
  second.op = OpKind::kConv;
  second.name = "conv2";
  second.inputs = {output, weight16, bias64};
  second.outputs = {wide};
  graph.nodes.push_back(second);
  graph.inputs = {frame};
  graph.outputs = {output};
  return graph;
}

Graph host_graph() {
  Graph graph;
  graph.name = "sample";
  const ValueId raw = add(graph, "scores", DataType::kFloat32, {1, 2, 4, 6}, std::nullopt);
  const ValueId picked = add(graph, "picked", DataType::kInt64, {4, -1}, std::nullopt);
  Node node;
  node.op = OpKind::kNonZero;
  node.name = "nonzero1";
  node.inputs = {raw};
  node.outputs = {picked};
  graph.nodes.push_back(node);
  graph.inputs = {raw};
  graph.outputs = {picked, raw};
  return graph;
}

bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof(a)) == 0;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool same(const Attribute& a, const Attribute& b) {
  if (a.index() != b.index()) return false;
  if (const float* value = std::get_if<float>(&a)) return same_bits(*value, std::get<float>(b));
  if (const Tensor* value = std::get_if<Tensor>(&a)) return same(*value, std::get<Tensor>(b));
  if (const auto* value = std::get_if<std::int64_t>(&a)) return *value == std::get<std::int64_t>(b);
  if (const auto* value = std::get_if<std::string>(&a)) return *value == std::get<std::string>(b);
  if (const auto* value = std::get_if<std::vector<std::int64_t>>(&a))
    return *value == std::get<3>(b);
  if (const auto* value = std::get_if<std::vector<float>>(&a)) return *value == std::get<4>(b);
  return std::get<5>(a) == std::get<5>(b);
}

}  // namespace

Archive sample_archive() {
  Archive archive;
  archive.model.input = {
      "images", 6, 4, ColorOrder::kBgr, {123.675f, 116.28f, 103.53f}, {58.395f, 57.12f, 57.375f}};
  archive.model.integer = integer_graph();
  archive.model.host = host_graph();
  archive.script =
      "normalization1 = normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])\n";
  archive.calibration.method = "percentile";
  archive.calibration.images = 64;
  archive.calibration.skipped = {"broken.jpg"};
  archive.calibration.repeated = 2;
  archive.calibration.single_color = 1;
  archive.calibration.tensors["scores"] = {-1.25f, 1.0f / 3.0f, -1.0f, 0.3f};
  archive.options = {{"method", "percentile"}, {"percentile", "99.999"}};
  for (int i = 0; i < 700; ++i) archive.original_onnx.push_back(static_cast<std::byte>(i * 37));
  archive.input_shapes = {{"images", {1, 3, 4, 6}}};
  archive.end_nodes = {"/model/Relu_1"};
  return archive;
}

void expect_same(const Graph& a, const Graph& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
  ASSERT_EQ(a.values.size(), b.values.size());
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    SCOPED_TRACE(a.values[i].name);
    EXPECT_EQ(a.values[i].name, b.values[i].name);
    EXPECT_EQ(a.values[i].type, b.values[i].type);
    EXPECT_EQ(a.values[i].shape, b.values[i].shape);
    EXPECT_EQ(a.values[i].quant, b.values[i].quant);
    ASSERT_EQ(a.values[i].constant.has_value(), b.values[i].constant.has_value());
    if (a.values[i].constant) {
      EXPECT_TRUE(same(*a.values[i].constant, *b.values[i].constant));
    }
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    SCOPED_TRACE(a.nodes[i].name);
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op);
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name);
    EXPECT_EQ(a.nodes[i].original_names, b.nodes[i].original_names);
    EXPECT_EQ(a.nodes[i].inputs, b.nodes[i].inputs);
    EXPECT_EQ(a.nodes[i].outputs, b.nodes[i].outputs);
    const auto& attributes = a.nodes[i].attributes.all();
    ASSERT_EQ(attributes.size(), b.nodes[i].attributes.all().size());
    for (const auto& [name, attribute] : attributes) {
      ASSERT_TRUE(b.nodes[i].attributes.has(name)) << name;
      EXPECT_TRUE(same(attribute, b.nodes[i].attributes.all().at(name))) << name;
    }
  }
}

void expect_same(const Archive& a, const Archive& b) {
  EXPECT_EQ(a.model.input, b.model.input);
  expect_same(a.model.integer, b.model.integer);
  expect_same(a.model.host, b.model.host);
  EXPECT_EQ(a.script, b.script);
  EXPECT_EQ(a.calibration, b.calibration);
  EXPECT_EQ(a.options, b.options);
  EXPECT_EQ(a.original_onnx, b.original_onnx);
  EXPECT_EQ(a.input_shapes, b.input_shapes);
  EXPECT_EQ(a.end_nodes, b.end_nodes);
}

}  // namespace quant::testing
