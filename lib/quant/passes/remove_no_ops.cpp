// SPDX-License-Identifier: MIT
#include "quant/passes/remove_no_ops.h"

#include <algorithm>

#include "quant/passes/rewire.h"

namespace quant {
namespace {

bool keeps_order(const Node& node, std::size_t rank) {
  const std::vector<std::int64_t> perm = node.attributes.integers("perm");
  if (perm.size() != rank) return false;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (perm[axis] != static_cast<std::int64_t>(axis)) return false;
  }
  return true;
}

bool changes_nothing(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue || node.outputs.size() != 1) return false;
  const Value& input = graph.value(node.inputs[0]);
  const Value& output = graph.value(node.outputs[0]);
  if (input.shape != output.shape || input.type != output.type) return false;
  if (input.quant && output.quant && *input.quant != *output.quant) return false;
  switch (node.op) {
    case OpKind::kIdentity:
    case OpKind::kDropout:
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kReduceMean:
    case OpKind::kReduceSum:
    case OpKind::kReduceMax:
    case OpKind::kReduceMin:
      return true;
    case OpKind::kConcat:
      return node.inputs.size() == 1;
    case OpKind::kTranspose:
      return keeps_order(node, input.shape.size());
    // Every other operator computes something, whatever its shapes.
    default:
      return false;
  }
}

}  // namespace

void remove_no_ops(Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (!changes_nothing(graph, node)) continue;
    const ValueId input = node.inputs[0];
    const ValueId output = node.outputs[0];
    const bool input_fixed =
        std::find(graph.inputs.begin(), graph.inputs.end(), input) != graph.inputs.end() ||
        std::find(graph.outputs.begin(), graph.outputs.end(), input) != graph.outputs.end() ||
        graph.value(input).constant.has_value();
    const bool output_fixed =
        std::find(graph.outputs.begin(), graph.outputs.end(), output) != graph.outputs.end();
    if (input_fixed && output_fixed) continue;
    if (graph.value(output).quant) graph.value(input).quant = graph.value(output).quant;
    replace_value(graph, output, input);
  }
  remove_unused(graph);
}

}  // namespace quant
