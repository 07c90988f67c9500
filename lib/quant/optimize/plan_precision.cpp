// SPDX-License-Identifier: MIT
#include "quant/optimize/plan_precision.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "quant/optimize/integer_form.h"

namespace quant {

bool passes_precision(const Graph& graph, const Node& node) {
  return node.op == OpKind::kConcat || integer_form(graph, node) == IntegerForm::kMovement;
}

bool follows_inputs(const Graph& graph, const Node& node) {
  return passes_precision(graph, node) || integer_form(graph, node) == IntegerForm::kPointwise;
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
    } else if (follows_inputs(graph, node)) {
      const std::vector<ValueId> inputs = activation_inputs(graph, node);
      const bool wide =
          !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
            return bits[static_cast<std::size_t>(id)] == 16;
          });
      if (wide) mode = {16, 16, 16};
    }
    if (passes_precision(graph, node)) mode.output_bits = mode.input_bits;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) bits[static_cast<std::size_t>(id)] = mode.output_bits;
    }
  }
  return modes;
}

std::vector<std::string> precision_lines(const Graph& graph,
                                         const std::vector<PrecisionMode>& modes) {
  std::vector<std::optional<PrecisionMode>> asked(graph.nodes.size());
  std::map<std::string, std::vector<std::string>> layers;  // by mode
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    // What a layer follows may change with every line, so each is looked at after those before it.
    if (plan_precision(graph, asked)[node] == modes[node]) continue;
    asked[node] = modes[node];
    layers[to_string(modes[node])].push_back(graph.nodes[node].name);
  }
  std::vector<std::string> lines;
  lines.reserve(layers.size());
  for (const auto& [mode, names] : layers)
    lines.push_back(
        fmt::format("quantization_param([{}], precision_mode={})", fmt::join(names, ", "), mode));
  return lines;
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
