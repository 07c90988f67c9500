// SPDX-License-Identifier: MIT
#include "quant/onnx/edit_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "quant/onnx/model_proto.h"

namespace quant {
namespace {

constexpr std::array<std::string_view, 6> kActivations = {"Relu",        "LeakyRelu", "Sigmoid",
                                                          "HardSigmoid", "Tanh",      "Clip"};

Result<std::vector<std::byte>> serialized(const onnx::ModelProto& proto) {
  std::string bytes;
  if (!proto.SerializeToString(&bytes))
    return fail(ErrorCode::kOutOfRange, "the edited model passes 2 GiB");
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

onnx::NodeProto* find_producer(onnx::GraphProto& graph, const std::string& value) {
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (std::find(node.output().begin(), node.output().end(), value) != node.output().end())
      return &node;
  }
  return nullptr;
}

bool is_output(const onnx::GraphProto& graph, const std::string& name) {
  return std::any_of(graph.output().begin(), graph.output().end(),
                     [&](const onnx::ValueInfoProto& output) { return output.name() == name; });
}

// Everything that reads or makes `from` reads or makes `to`.
void rename_value(onnx::GraphProto& graph, const std::string& from, const std::string& to) {
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    for (std::string& input : *node.mutable_input()) input = input == from ? to : input;
    for (std::string& output : *node.mutable_output()) output = output == from ? to : output;
  }
}

std::string unused_name(const onnx::GraphProto& graph, std::string name) {
  const auto taken = [&](const std::string& candidate) {
    return std::any_of(graph.node().begin(), graph.node().end(), [&](const onnx::NodeProto& node) {
      return std::find(node.output().begin(), node.output().end(), candidate) !=
             node.output().end();
    });
  };
  while (taken(name)) name += "_";
  return name;
}

Status change_output(onnx::GraphProto& graph, const std::string& output,
                     const std::string& op_type) {
  onnx::NodeProto* producer = find_producer(graph, output);
  if (!is_output(graph, output) || producer == nullptr)
    return fail(ErrorCode::kNotFound, "is no output of a layer of this model", output);
  if (op_type == "Identity") {
    const bool is_activation = std::find(kActivations.begin(), kActivations.end(),
                                         producer->op_type()) != kActivations.end();
    if (!is_activation) return {};  // linear already
    producer->set_op_type("Identity");
    producer->clear_attribute();
    producer->mutable_input()->DeleteSubrange(1, producer->input_size() - 1);
    return {};
  }
  const std::string inner = unused_name(graph, output + "_linear");
  rename_value(graph, output, inner);
  onnx::NodeProto& node = *graph.add_node();
  node.set_name(inner + "/" + op_type);
  node.set_op_type(op_type);
  node.add_input(inner);
  node.add_output(output);
  return {};
}

}  // namespace

Result<std::vector<std::byte>> change_output_activations(
    std::vector<std::byte> model, const std::map<std::string, std::string>& op_type_by_output) {
  QUANT_TRY_ASSIGN(onnx::ModelProto proto, parse_model(model));
  for (const auto& [output, op_type] : op_type_by_output)
    QUANT_TRY(change_output(*proto.mutable_graph(), output, op_type));
  return serialized(proto);
}

Result<std::vector<std::byte>> transpose_input(std::vector<std::byte> model,
                                               const std::string& input) {
  QUANT_TRY_ASSIGN(onnx::ModelProto proto, parse_model(model));
  onnx::GraphProto& graph = *proto.mutable_graph();
  const auto found =
      std::find_if(graph.mutable_input()->begin(), graph.mutable_input()->end(),
                   [&](const onnx::ValueInfoProto& value) { return value.name() == input; });
  if (found == graph.mutable_input()->end())
    return fail(ErrorCode::kNotFound, "is no input of this model", input);
  onnx::TensorShapeProto& shape = *found->mutable_type()->mutable_tensor_type()->mutable_shape();
  if (shape.dim_size() != 4) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("has {} axes; rows and columns are those of an image", shape.dim_size()),
        input);
  }
  shape.mutable_dim()->SwapElements(2, 3);
  const std::string inner = unused_name(graph, input + "_upright");
  rename_value(graph, input, inner);
  onnx::NodeProto node;
  node.set_name(inner + "/Transpose");
  node.set_op_type("Transpose");
  node.add_input(input);
  node.add_output(inner);
  onnx::AttributeProto& perm = *node.add_attribute();
  perm.set_name("perm");
  perm.set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t axis : {0, 1, 3, 2}) perm.add_ints(axis);
  *graph.add_node() = std::move(node);
  // Nodes stand in the order in which they run.
  for (int i = graph.node_size() - 1; i > 0; --i) graph.mutable_node()->SwapElements(i, i - 1);
  return serialized(proto);
}

}  // namespace quant
