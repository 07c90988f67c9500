// SPDX-License-Identifier: MIT
#include "quant/optimize/own_constant.h"

#include <algorithm>

namespace quant {

Tensor& own_constant(Graph& graph, Node& node, std::size_t input) {
  const ValueId id = node.inputs[input];
  std::ptrdiff_t readers = std::count(graph.outputs.begin(), graph.outputs.end(), id);
  for (const Node& other : graph.nodes)
    readers += std::count(other.inputs.begin(), other.inputs.end(), id);
  Value own = graph.value(id);
  own.constant = own.constant->clone();
  if (readers == 1) {
    graph.value(id) = std::move(own);
  } else {
    own.name += "/" + node.name;
    node.inputs[input] = graph.add_value(std::move(own));
  }
  return *graph.value(node.inputs[input]).constant;
}

}  // namespace quant
