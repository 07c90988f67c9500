// SPDX-License-Identifier: MIT
// What the race makes of its contestants: the 16-bit rival and the means.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "peers/pairings.h"
#include "peers/widen_activations.h"
#include "quant/onnx/model_proto.h"

namespace quant {
namespace {

Standing standing(std::string name, double median_ms) {
  return {std::move(name), {}, {.count = 1, .median_ms = median_ms}, {}};
}

TEST(Pairings, MeansAreGeometricAndOverWhoTookPart) {
  const std::vector<std::vector<Standing>> races = {
      {standing("emulator", 2), standing("ort-int8", 1)},
      {standing("emulator", 1), standing("ort-int8", 8)},
      {standing("emulator", 7), Standing{"ort-int8", {}, {}, "no such model"}},
      {standing("emulator", 10), standing("emulator-2t", 6)},
      {standing("emulator", 10), standing("emulator-16", 6)}};
  std::map<std::string, MeanRatio> means;
  for (const MeanRatio& mean : mean_ratios(races)) means[to_string(mean.pairing)] = mean;
  ASSERT_EQ(means.size(), 2U);
  EXPECT_DOUBLE_EQ(means["emulator / ort-int8"].value, 0.5);  // √(2 · 1/8)
  EXPECT_EQ(means["emulator / ort-int8"].models, 2U);
  EXPECT_DOUBLE_EQ(means["emulator-2t / emulator"].value, 0.6);
}

onnx::TensorProto* add_scalar(onnx::GraphProto& graph, const std::string& name, int type) {
  onnx::TensorProto* tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(type);
  return tensor;
}

void add_node(onnx::GraphProto& graph, const char* type, const std::vector<std::string>& inputs,
              const char* output) {
  onnx::NodeProto* node = graph.add_node();
  node->set_op_type(type);
  for (const std::string& input : inputs) node->add_input(input);
  node->add_output(output);
}

std::vector<std::byte> bytes_of(const onnx::ModelProto& model) {
  std::vector<std::byte> bytes(model.ByteSizeLong());
  model.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

TEST(WidenActivations, KeepsRangesAndLeavesWeightsAlone) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  onnx::GraphProto& graph = *model.mutable_graph();
  const float scale = 0.5F;
  add_scalar(graph, "x_scale", onnx::TensorProto::FLOAT)->set_raw_data(&scale, sizeof scale);
  add_scalar(graph, "x_zero", onnx::TensorProto::UINT8)->set_raw_data("\x80", 1);
  add_scalar(graph, "w_scale", onnx::TensorProto::FLOAT)->add_float_data(0.25F);
  add_scalar(graph, "w_zero", onnx::TensorProto::INT8)->add_int32_data(0);
  add_scalar(graph, "w", onnx::TensorProto::INT8)->add_int32_data(-7);
  add_node(graph, "QuantizeLinear", {"x", "x_scale", "x_zero"}, "q");
  add_node(graph, "DequantizeLinear", {"q", "x_scale", "x_zero"}, "y");
  add_node(graph, "DequantizeLinear", {"w", "w_scale", "w_zero"}, "v");

  const auto widened = widen_activations(bytes_of(model));
  ASSERT_TRUE(widened.has_value()) << widened.error().text();
  const auto wide = parse_model(*widened);
  ASSERT_TRUE(wide.has_value());
  std::map<std::string, onnx::TensorProto> tensors;
  for (const auto& tensor : wide->graph().initializer()) tensors[tensor.name()] = tensor;
  EXPECT_EQ(tensors["x_zero"].data_type(), onnx::TensorProto::UINT16);
  const int zero = tensors["x_zero"].int32_data(0);
  const float wide_scale = tensors["x_scale"].float_data(0);
  EXPECT_FLOAT_EQ(static_cast<float>(0 - zero) * wide_scale, (0 - 128) * scale);
  EXPECT_FLOAT_EQ(static_cast<float>(65535 - zero) * wide_scale, (255 - 128) * scale);
  EXPECT_EQ(tensors["w_zero"].data_type(), onnx::TensorProto::INT8);
  EXPECT_EQ(tensors["w"].int32_data(0), -7);
  EXPECT_EQ(tensors["w_scale"].float_data(0), 0.25F);
  EXPECT_EQ(wide->graph().node(0).domain(), "com.microsoft");
  EXPECT_EQ(wide->graph().node(2).domain(), "");
}

TEST(WidenActivations, AFloatModelIsNoRival) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  add_node(*model.mutable_graph(), "Relu", {"x"}, "y");
  EXPECT_FALSE(widen_activations(bytes_of(model)).has_value());
}

}  // namespace
}  // namespace quant
