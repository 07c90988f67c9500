// SPDX-License-Identifier: MIT
// From what was asked of some layers to the precision of all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/script/precision_mode.h"

namespace quant {

// Bits of every layer, by node of `graph`. `asked` (by node) is what was decided for single layers.
// A layer with weights that nothing was asked of is a8_w8. Others follow what they read: a16 where
// all their activations have 16 bits, else a8; so an activation function takes part in what its
// convolution was given. Layers that only move or join tensors put out what they read: an asked
// mode counts by its input bits there. The frame has 8 bits, always.
std::vector<PrecisionMode> plan_precision(const Graph& graph,
                                          const std::vector<std::optional<PrecisionMode>>& asked);

// Whether the layer puts out the integers that it reads: movement, and concatenation.
bool passes_precision(const Graph& graph, const Node& node);

// Bits of every value under `modes`: its producer's output bits; 8 for inputs and constants.
std::vector<int> value_bits(const Graph& graph, const std::vector<PrecisionMode>& modes);

}  // namespace quant
