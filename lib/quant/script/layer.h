// SPDX-License-Identifier: MIT
// A layer as a script sees it: by its names and its type.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

struct Layer {
  std::string name;                         // conv1, without scope
  std::string type;                         // conv: the name without its counter
  std::vector<std::string> original_names;  // the ONNX nodes (or tensors) that it was
  std::string scope;  // the network's name; empty: unknown, a script may give any

  bool operator==(const Layer&) const = default;
};

// "dw12" → "dw".
std::string layer_type(std::string_view name);

// The graph's nodes, between its inputs and its outputs: those are layers of their own, named as
// given, with the tensor's name as the original one.
std::vector<Layer> layers_of(const Graph& graph, std::span<const std::string> input_layers,
                             std::span<const std::string> output_layers, const std::string& scope);

// Each once, in alphabetical order.
std::vector<std::string> layer_types(std::span<const Layer> layers);

}  // namespace quant
