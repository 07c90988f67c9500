// SPDX-License-Identifier: MIT
#include "quant/passes/rewire.h"

#include <algorithm>
#include <utility>

namespace quant {

void replace_value(Graph& graph, ValueId from, ValueId to) {
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  if (std::find(graph.outputs.begin(), graph.outputs.end(), from) == graph.outputs.end()) return;
  std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
  std::swap(graph.value(from).name, graph.value(to).name);
}

Topology::Topology(const Graph& graph)
    : readers_(consumers(graph)),
      producers_(producers(graph)),
      is_output_(graph.values.size(), false) {
  for (const ValueId id : graph.outputs) is_output_[static_cast<std::size_t>(id)] = true;
}

std::optional<std::size_t> Topology::only_reader(ValueId id) const {
  if (is_output(id) || readers(id).size() != 1) return std::nullopt;
  return readers(id).front();
}

}  // namespace quant
