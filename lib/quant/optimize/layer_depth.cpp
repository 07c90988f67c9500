// SPDX-License-Identifier: MIT
#include "quant/optimize/layer_depth.h"

#include <algorithm>

namespace quant {

bool has_weights(const Node& node) {
  return node.op == OpKind::kConv || node.op == OpKind::kConvTranspose || node.op == OpKind::kGemm;
}

std::vector<int> layer_depths(const Graph& graph, const std::function<bool(const Node&)>& counts) {
  std::vector<int> of_value(graph.values.size(), 0);
  std::vector<int> of_node;
  for (const Node& node : graph.nodes) {
    int depth = 0;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) depth = std::max(depth, of_value[static_cast<std::size_t>(id)]);
    }
    if (counts(node)) ++depth;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) of_value[static_cast<std::size_t>(id)] = depth;
    }
    of_node.push_back(depth);
  }
  return of_node;
}

}  // namespace quant
