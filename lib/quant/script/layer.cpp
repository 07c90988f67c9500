// SPDX-License-Identifier: MIT
#include "quant/script/layer.h"

#include <algorithm>
#include <set>

namespace quant {
namespace {

void add_edge_layers(const Graph& graph, std::span<const ValueId> values,
                     std::span<const std::string> names, const std::string& scope,
                     std::vector<Layer>& layers) {
  for (std::size_t i = 0; i < std::min(values.size(), names.size()); ++i)
    layers.push_back({names[i], layer_type(names[i]), {graph.value(values[i]).name}, scope});
}

}  // namespace

std::string layer_type(std::string_view name) {
  const std::size_t last = name.find_last_not_of("0123456789");
  return std::string(last == std::string_view::npos ? name : name.substr(0, last + 1));
}

std::vector<Layer> layers_of(const Graph& graph, std::span<const std::string> input_layers,
                             std::span<const std::string> output_layers, const std::string& scope) {
  std::vector<Layer> layers;
  add_edge_layers(graph, graph.inputs, input_layers, scope, layers);
  for (const Node& node : graph.nodes)
    layers.push_back({node.name, layer_type(node.name), node.original_names, scope});
  add_edge_layers(graph, graph.outputs, output_layers, scope, layers);
  return layers;
}

std::vector<std::string> layer_types(std::span<const Layer> layers) {
  std::set<std::string> types;
  for (const Layer& layer : layers) types.insert(layer.type);
  return {types.begin(), types.end()};
}

}  // namespace quant
