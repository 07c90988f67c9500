// SPDX-License-Identifier: MIT
// The order in which algorithms go through a network: layers of one depth do not depend on each
// other.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Conv, ConvTranspose, Gemm: of an integer graph, every layer with weights.
bool has_weights(const Node& node);

// By node: how many layers with weights lie between the frame and it, itself included.
std::vector<int> layer_depths(const Graph& graph);

}  // namespace quant
