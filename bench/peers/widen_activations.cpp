// SPDX-License-Identifier: MIT
#include "peers/widen_activations.h"

#include <cstdint>
#include <cstring>
#include <set>
#include <string>

#include "quant/onnx/model_proto.h"

namespace quant {
namespace {

// 65535 / 255: the greatest of the one type becomes the greatest of the other.
constexpr int kSteps = 257;
constexpr const char* kDomain = "com.microsoft";

std::vector<std::uint8_t> bytes_of(const onnx::TensorProto& tensor) {
  if (tensor.has_raw_data()) return {tensor.raw_data().begin(), tensor.raw_data().end()};
  return {tensor.int32_data().begin(), tensor.int32_data().end()};
}

void widen_integers(onnx::TensorProto& tensor) {
  const std::vector<std::uint8_t> narrow = bytes_of(tensor);
  tensor.clear_raw_data();
  tensor.clear_int32_data();
  tensor.set_data_type(onnx::TensorProto::UINT16);
  for (const std::uint8_t value : narrow) tensor.add_int32_data(value * kSteps);
}

void narrow_scale(onnx::TensorProto& tensor) {
  if (tensor.has_raw_data()) {
    // Files are little-endian, and so is every machine that this runs on.
    std::vector<float> scales(tensor.raw_data().size() / sizeof(float));
    std::memcpy(scales.data(), tensor.raw_data().data(), scales.size() * sizeof(float));
    tensor.clear_raw_data();
    tensor.mutable_float_data()->Add(scales.begin(), scales.end());
  }
  for (float& scale : *tensor.mutable_float_data()) scale /= kSteps;
}

bool is_quantization(const onnx::NodeProto& node) {
  return (node.op_type() == "QuantizeLinear" || node.op_type() == "DequantizeLinear") &&
         node.input_size() == 3;
}

}  // namespace

Result<std::vector<std::byte>> widen_activations(std::span<const std::byte> qdq) {
  QUANT_TRY_ASSIGN(onnx::ModelProto model, parse_model(qdq));
  onnx::GraphProto& graph = *model.mutable_graph();
  std::set<std::string> narrow;
  for (const onnx::TensorProto& tensor : graph.initializer())
    if (tensor.data_type() == onnx::TensorProto::UINT8) narrow.insert(tensor.name());

  std::set<std::string> integers, scales;
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (!is_quantization(node) || !narrow.contains(node.input(2))) continue;
    node.set_domain(kDomain);
    scales.insert(node.input(1));
    integers.insert(node.input(2));
    if (narrow.contains(node.input(0))) integers.insert(node.input(0));
  }
  if (integers.empty()) return fail(ErrorCode::kNotFound, "no activation is uint8");
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    if (integers.contains(tensor.name())) widen_integers(tensor);
    if (scales.contains(tensor.name())) narrow_scale(tensor);
  }
  // Types of inner tensors are hints; these would now be wrong.
  graph.clear_value_info();
  onnx::OperatorSetIdProto& domain = *model.add_opset_import();
  domain.set_domain(kDomain);
  domain.set_version(1);

  std::vector<std::byte> bytes(model.ByteSizeLong());
  if (!model.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(ErrorCode::kInternal, "cannot be written");
  return bytes;
}

}  // namespace quant
