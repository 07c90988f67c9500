// SPDX-License-Identifier: MIT
#include "quant/optimize/plan_precision.h"

#include <algorithm>

#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower_weighted.h"

namespace quant {

bool passes_precision(const Graph& graph, const Node& node) {
  return node.op == OpKind::kConcat || integer_form(graph, node) == IntegerForm::kMovement;
}

std::vector<PrecisionMode> plan_precision(const Graph& graph,
                                          const std::vector<std::optional<PrecisionMode>>& asked) {
  std::vector<PrecisionMode> modes(graph.nodes.size());
  std::vector<int> bits(graph.values.size(), 8);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    PrecisionMode& mode = modes[index];
    if (asked[index]) {
      mode = *asked[index];
    } else if (!channel_layer(graph, node)) {
      const std::vector<ValueId> inputs = activation_inputs(graph, node);
      const bool wide =
          !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
            return bits[static_cast<std::size_t>(id)] == 16;
          });
      mode.input_bits = mode.output_bits = wide ? 16 : 8;
    }
    if (passes_precision(graph, node)) mode.output_bits = mode.input_bits;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) bits[static_cast<std::size_t>(id)] = mode.output_bits;
    }
  }
  return modes;
}

std::vector<int> value_bits(const Graph& graph, const std::vector<PrecisionMode>& modes) {
  std::vector<int> bits(graph.values.size(), 8);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    for (const ValueId id : graph.nodes[index].outputs) {
      if (id != kNoValue) bits[static_cast<std::size_t>(id)] = modes[index].output_bits;
    }
  }
  return bits;
}

}  // namespace quant
