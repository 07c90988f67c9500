// SPDX-License-Identifier: MIT
// Edits of the ONNX messages. Nothing here looks into an operator.
#include "quant/onnx/cut_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <unordered_map>

#include "quant/onnx/element_type.h"
#include "quant/onnx/input_shapes.h"
#include "quant/onnx/model_proto.h"

namespace quant {
namespace {

// Values that a node reads, those of its subgraphs included.
void collect_reads(const onnx::NodeProto& node, std::set<std::string>& names) {
  names.insert(node.input().begin(), node.input().end());
  for (const auto& attribute : node.attribute()) {
    const auto read_subgraph = [&names](const onnx::GraphProto& graph) {
      for (const auto& inner : graph.node()) collect_reads(inner, names);
      for (const auto& output : graph.output()) names.insert(output.name());
    };
    if (attribute.has_g()) read_subgraph(attribute.g());
    for (const auto& graph : attribute.graphs()) read_subgraph(graph);
  }
}

// Nodes behind the cut go: they cost time, and may be ones that the runtime cannot load. So do
// inputs that only they read, as in our reader.
void drop_unused(onnx::GraphProto& graph) {
  std::unordered_map<std::string, int> producers;
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string& output : graph.node(i).output()) producers.emplace(output, i);

  std::set<std::string> read;
  std::vector<bool> keep(static_cast<std::size_t>(graph.node_size()));
  std::vector<std::string> open;
  for (const auto& output : graph.output()) open.push_back(output.name());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!read.insert(name).second) continue;
    const auto producer = producers.find(name);
    if (producer == producers.end() || keep[static_cast<std::size_t>(producer->second)]) continue;
    keep[static_cast<std::size_t>(producer->second)] = true;
    std::set<std::string> reads;
    collect_reads(graph.node(producer->second), reads);
    open.insert(open.end(), reads.begin(), reads.end());
  }

  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (int i = 0; i < graph.node_size(); ++i)
    if (keep[static_cast<std::size_t>(i)]) *nodes.Add() = std::move(*graph.mutable_node(i));
  graph.mutable_node()->Swap(&nodes);
  auto* inputs = graph.mutable_input();
  for (int i = inputs->size() - 1; i >= 0; --i)
    if (!read.contains(inputs->Get(i).name())) inputs->DeleteSubrange(i, 1);
}

// All outputs of a named node, or a named tensor; an unnamed node goes by its first output. As in
// our reader.
Result<std::vector<std::string>> named_tensors(const onnx::GraphProto& graph,
                                               const std::string& name, const char* what) {
  std::vector<std::string> tensors;
  for (const auto& node : graph.node()) {
    const bool is_tensor =
        std::find(node.output().begin(), node.output().end(), name) != node.output().end();
    if (is_tensor) return std::vector<std::string>{name};
    if (node.name() == name && tensors.empty())
      tensors.assign(node.output().begin(), node.output().end());
  }
  if (tensors.empty())
    return fail(
        ErrorCode::kNotFound,
        fmt::format("{} node '{}': the model has no node or tensor of this name", what, name));
  std::erase(tensors, "");
  return tensors;
}

// Of all names, each tensor once.
Result<std::vector<std::string>> named_tensors(const onnx::GraphProto& graph,
                                               const std::vector<std::string>& names,
                                               const char* what) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    QUANT_TRY_ASSIGN(const std::vector<std::string> tensors, named_tensors(graph, name, what));
    for (const std::string& tensor : tensors)
      if (std::find(result.begin(), result.end(), tensor) == result.end()) result.push_back(tensor);
  }
  return result;
}

// The node that makes it makes something else from now on.
void disconnect(onnx::GraphProto& graph, const std::string& tensor) {
  std::set<std::string> taken;
  for (const onnx::NodeProto& node : graph.node())
    taken.insert(node.output().begin(), node.output().end());
  std::string unread = tensor + "/before_start";
  while (taken.contains(unread)) unread += "_";
  for (onnx::NodeProto& node : *graph.mutable_node())
    std::replace(node.mutable_output()->begin(), node.mutable_output()->end(), tensor, unread);
}

// Writes down the sizes that `read` gives, and what they say of other inputs: those whose names
// tell them may be cut off.
Status fix_input_sizes(onnx::GraphProto& graph, OnnxReadOptions read) {
  read.allow_dynamic = true;
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const auto& input : graph.input()) inputs.push_back(&input);
  QUANT_TRY_ASSIGN(const std::vector<Value> values, resolve_inputs(inputs, read));
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto& shape = *graph.mutable_input(static_cast<int>(i))
                       ->mutable_type()
                       ->mutable_tensor_type()
                       ->mutable_shape();
    for (int axis = 0; axis < shape.dim_size(); ++axis) {
      const std::int64_t size = values[i].shape[static_cast<std::size_t>(axis)];
      if (size >= 0) shape.mutable_dim(axis)->set_dim_value(size);
    }
  }
  return {};
}

}  // namespace

Status cut_at_end(onnx::GraphProto& graph, const std::vector<std::string>& end_nodes) {
  if (end_nodes.empty()) return {};
  QUANT_TRY_ASSIGN(const std::vector<std::string> outputs, named_tensors(graph, end_nodes, "end"));
  graph.clear_output();
  // A name alone is a valid output: runtimes infer type and shape.
  for (const std::string& output : outputs) graph.add_output()->set_name(output);
  drop_unused(graph);
  return {};
}

Result<std::vector<std::byte>> cut_at_start(std::vector<std::byte> model,
                                            const std::vector<std::string>& start_nodes,
                                            OnnxReadOptions& read) {
  if (start_nodes.empty()) return model;
  QUANT_TRY_ASSIGN(onnx::ModelProto proto, parse_model(model));
  onnx::GraphProto& graph = *proto.mutable_graph();
  QUANT_TRY_ASSIGN(const std::vector<std::string> tensors,
                   named_tensors(graph, start_nodes, "start"));
  OnnxReadOptions until_start = read;
  until_start.end_nodes = tensors;
  QUANT_TRY_ASSIGN(const Graph before, read_onnx(model, until_start));
  QUANT_TRY(fix_input_sizes(graph, read));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Value& value = before.value(before.outputs[i]);
    if (value.constant)
      return fail(ErrorCode::kInvalidArgument, "is a constant and no place to start", tensors[i]);
    disconnect(graph, tensors[i]);
    onnx::ValueInfoProto& input = *graph.add_input();
    input.set_name(tensors[i]);
    auto& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(static_cast<std::int32_t>(onnx_type_of(value.type)));
    for (const std::int64_t size : value.shape)
      type.mutable_shape()->add_dim()->set_dim_value(size);
  }
  QUANT_TRY(cut_at_end(graph, read.end_nodes));
  drop_unused(graph);
  std::erase_if(read.input_shapes, [&](const auto& entry) {
    return std::none_of(graph.input().begin(), graph.input().end(),
                        [&](const auto& input) { return input.name() == entry.first; });
  });
  std::string bytes;
  if (!proto.SerializeToString(&bytes))
    return fail(ErrorCode::kOutOfRange, "the edited model passes 2 GiB");
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

}  // namespace quant
