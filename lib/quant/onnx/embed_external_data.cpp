// SPDX-License-Identifier: MIT
#include "quant/onnx/embed_external_data.h"

#include <fmt/format.h>

#include <span>

#include "quant/onnx/element_type.h"
#include "quant/onnx/external_data.h"
#include "quant/onnx/model_proto.h"
#include "quant/tensor/shape.h"

namespace quant {
namespace {

class Embedder {
 public:
  explicit Embedder(const std::filesystem::path& directory) : directory_(directory) {}

  // Whether any tensor was external.
  bool found() const { return found_; }

  // Nesting is as deep as protobuf allowed when it parsed the model.
  Status embed_graph(onnx::GraphProto& graph) {
    for (onnx::TensorProto& tensor : *graph.mutable_initializer()) QUANT_TRY(embed_tensor(tensor));
    for (auto& tensor : *graph.mutable_sparse_initializer()) QUANT_TRY(embed_sparse(tensor));
    return embed_nodes(*graph.mutable_node());
  }

  template <typename Nodes>
  Status embed_nodes(Nodes& nodes) {
    for (onnx::NodeProto& node : nodes) {
      for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_t()) QUANT_TRY(embed_tensor(*attribute.mutable_t()));
        if (attribute.has_sparse_tensor()) {
          QUANT_TRY(embed_sparse(*attribute.mutable_sparse_tensor()));
        }
        if (attribute.has_g()) QUANT_TRY(embed_graph(*attribute.mutable_g()));
      }
    }
    return {};
  }

 private:
  Status embed_sparse(onnx::SparseTensorProto& tensor) {
    if (tensor.has_values()) QUANT_TRY(embed_tensor(*tensor.mutable_values()));
    if (tensor.has_indices()) QUANT_TRY(embed_tensor(*tensor.mutable_indices()));
    return {};
  }

  Status embed_tensor(onnx::TensorProto& tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return {};
    found_ = true;
    if (auto status = replace(tensor); !status) {
      return fail_with_context(std::move(status).error(),
                               fmt::format("tensor '{}'", tensor.name()));
    }
    return {};
  }

  Status replace(onnx::TensorProto& tensor) const {
    QUANT_TRY_ASSIGN(const std::int64_t count,
                     checked_element_count(Shape(tensor.dims().begin(), tensor.dims().end())));
    QUANT_TRY_ASSIGN(const std::uint64_t size, stored_bytes(tensor.data_type(), count));
    QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes,
                     read_external_data(tensor, directory_, size));
    tensor.set_raw_data(bytes.data(), bytes.size());
    tensor.clear_external_data();
    tensor.set_data_location(onnx::TensorProto::DEFAULT);
    return {};
  }

  const std::filesystem::path& directory_;
  bool found_ = false;
};

}  // namespace

Status embed_external_data(onnx::GraphProto& graph, const std::filesystem::path& directory) {
  return Embedder(directory).embed_graph(graph);
}

Result<std::vector<std::byte>> embed_external_data(std::vector<std::byte> model,
                                                   const std::filesystem::path& directory) {
  QUANT_TRY_ASSIGN(onnx::ModelProto proto, parse_model(model));
  Embedder embedder(directory);
  QUANT_TRY(embedder.embed_graph(*proto.mutable_graph()));
  for (auto& function : *proto.mutable_functions()) {
    QUANT_TRY(embedder.embed_nodes(*function.mutable_node()));
  }
  if (!embedder.found()) return model;
  std::string bytes;
  if (!proto.SerializeToString(&bytes)) {
    return fail(ErrorCode::kOutOfRange, "the model with its external data passes 2 GiB");
  }
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

}  // namespace quant
