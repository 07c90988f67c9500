// SPDX-License-Identifier: MIT
// The order in which algorithms go through a network: layers of one depth do not depend on each
// other.
#pragma once

#include <functional>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Conv, ConvTranspose, Gemm: of an integer graph, every layer with weights.
bool has_weights(const Node& node);

// By node: how many layers that count lie between the frame and it, itself included.
std::vector<int> layer_depths(const Graph& graph,
                              const std::function<bool(const Node&)>& counts = has_weights);

}  // namespace quant
