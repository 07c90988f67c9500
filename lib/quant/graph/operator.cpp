// SPDX-License-Identifier: MIT
#include "quant/graph/operator.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "quant/graph/operators/families.h"

namespace quant {
namespace {

const std::unordered_map<OpKind, const Operator*>& table() {
  static const auto* const operators = [] {
    auto* result = new std::unordered_map<OpKind, const Operator*>;
    for (const auto& family :
         {unary_operators(),     activation_operators(),    binary_operators(),
          variadic_operators(),  cast_operators(),          comparison_operators(),
          reduction_operators(), axis_scan_operators(),     reshape_operators(),
          transpose_operators(), concat_operators(),        pad_operators(),
          replicate_operators(), trilu_operators(),         slice_operators(),
          gather_operators(),    scatter_operators(),       selection_operators(),
          shape_operators(),     convolution_operators(),   pooling_operators(),
          matmul_operators(),    normalization_operators(), softmax_operators(),
          resize_operators(),    detection_operators(),     quantization_operators()}) {
      for (const Operator& op : family) result->emplace(op.kind, &op);
    }
    return result;
  }();
  return *operators;
}

Status check_input_count(const Operator& op, std::size_t count) {
  if (static_cast<int>(count) < op.min_inputs ||
      (op.max_inputs >= 0 && static_cast<int>(count) > op.max_inputs)) {
    return fail(ErrorCode::kInvalidData, "has " + std::to_string(count) + " inputs");
  }
  return {};
}

Result<const Operator*> operator_of(const Node& node) {
  const Operator* op = find_operator(node.op);
  if (op == nullptr) return fail(ErrorCode::kUnsupported, "this operator is not supported");
  QUANT_TRY(check_input_count(*op, node.inputs.size()));
  return op;
}

}  // namespace

std::string display_name(const Node& node) {
  return std::string(to_string(node.op)) + " '" +
         (node.original_names.empty() ? node.name : node.original_names.front()) + "'";
}

const Operator* find_operator(OpKind kind) {
  const auto found = table().find(kind);
  return found == table().end() ? nullptr : found->second;
}

std::vector<OpKind> supported_operators() {
  std::vector<OpKind> kinds;
  for (const auto& [kind, op] : table()) kinds.push_back(kind);
  std::sort(kinds.begin(), kinds.end(), [](OpKind a, OpKind b) {
    return std::string_view(to_string(a)) < std::string_view(to_string(b));
  });
  return kinds;
}

Result<std::unique_ptr<PreparedNode>> prepare_node(const NodeContext& context) {
  auto op = operator_of(context.node);
  if (!op) return fail_with_context(std::move(op).error(), display_name(context.node));
  auto prepared = (*op)->prepare(context);
  if (!prepared) return fail_with_context(std::move(prepared).error(), display_name(context.node));
  return prepared;
}

Result<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor* const> inputs) {
  std::vector<TensorType> types(inputs.size());
  NodeContext context{node, std::vector<const TensorType*>(inputs.size(), nullptr),
                      std::vector<const Tensor*>(inputs.begin(), inputs.end())};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    types[i] = {inputs[i]->type(), inputs[i]->shape()};
    context.types[i] = &types[i];
  }
  QUANT_TRY_ASSIGN(std::unique_ptr<PreparedNode> prepared, prepare_node(context));
  std::vector<Tensor> outputs;
  if (auto status = prepared->run(inputs, outputs); !status) {
    return fail_with_context(std::move(status).error(), display_name(node));
  }
  return outputs;
}

Status infer_node(Graph& graph, const Node& node) {
  auto op = operator_of(node);
  if (!op) return fail_with_context(std::move(op).error(), display_name(node));
  std::vector<TensorType> types(node.inputs.size());
  NodeContext context{node, std::vector<const TensorType*>(node.inputs.size(), nullptr),
                      std::vector<const Tensor*>(node.inputs.size(), nullptr)};
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Value& value = graph.value(node.inputs[i]);
    types[i] = {value.type, value.shape};
    context.types[i] = &types[i];
    if (value.constant) context.constants[i] = &*value.constant;
  }
  auto inferred = (*op)->infer(context);
  if (!inferred) return fail_with_context(std::move(inferred).error(), display_name(node));
  if (inferred->size() < node.outputs.size()) {
    return fail(ErrorCode::kInvalidData, "has more outputs than the operator makes",
                display_name(node));
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    Value& value = graph.value(node.outputs[i]);
    value.type = (*inferred)[i].type;
    value.shape = (*inferred)[i].shape;
    if (is_static(value.shape)) {
      if (auto count = checked_element_count(value.shape); !count) {
        return fail_with_context(std::move(count).error(), display_name(node));
      }
    }
  }
  return {};
}

Status infer_shapes(Graph& graph) {
  for (const Node& node : graph.nodes) QUANT_TRY(infer_node(graph, node));
  return {};
}

}  // namespace quant
