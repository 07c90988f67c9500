// SPDX-License-Identifier: MIT
#include "quant/onnx/embed_external_data.h"

#include <algorithm>
#include <limits>
#include <span>

#include "quant/onnx/element_type.h"
#include "quant/onnx/external_data.h"
#include "quant/tensor/shape.h"

namespace quant {
namespace {

bool is_external(const onnx::TensorProto& tensor) { return tensor.data_location() == onnx::TensorProto::EXTERNAL; }

Status embed(onnx::TensorProto& tensor, const std::filesystem::path& directory) {
  QUANT_TRY_ASSIGN(const DataType type, data_type_of_onnx(tensor.data_type()));
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(Shape(tensor.dims().begin(), tensor.dims().end())));
  const bool half = tensor.data_type() == onnx::TensorProto::FLOAT16 || tensor.data_type() == onnx::TensorProto::BFLOAT16;
  const std::uint64_t element = half ? 2 : size_of(type);
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_external_data(tensor, directory, static_cast<std::uint64_t>(count) * element));
  tensor.set_raw_data(bytes.data(), bytes.size());
  tensor.clear_external_data();
  tensor.set_data_location(onnx::TensorProto::DEFAULT);
  return {};
}

}  // namespace

Status embed_external_data(onnx::GraphProto& graph, const std::filesystem::path& directory) {
  for (onnx::TensorProto& tensor : *graph.mutable_initializer()) {
    if (!is_external(tensor)) continue;
    if (auto status = embed(tensor, directory); !status) {
      return fail_with_context(std::move(status).error(), "tensor " + tensor.name());
    }
  }
  return {};
}

Result<std::vector<std::byte>> embed_external_data(std::vector<std::byte> model, const std::filesystem::path& directory) {
  onnx::ModelProto proto;
  if (model.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !proto.ParseFromArray(model.data(), static_cast<int>(model.size())) || !proto.has_graph()) {
    return fail(ErrorCode::kInvalidData, "this is no ONNX model, or it is truncated or damaged");
  }
  const auto& initializers = proto.graph().initializer();
  if (std::none_of(initializers.begin(), initializers.end(), is_external)) return model;
  QUANT_TRY(embed_external_data(*proto.mutable_graph(), directory));
  std::string bytes;
  if (!proto.SerializeToString(&bytes)) return fail(ErrorCode::kOutOfRange, "the model with its external data passes 2 GiB");
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

}  // namespace quant
