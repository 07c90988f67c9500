// SPDX-License-Identifier: MIT
// From what was asked of some layers to the precision of all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/script/precision_mode.h"

namespace quant {

// Bits of every layer, by node of `graph`. `asked` (by node) is what was decided for single layers;
// the others are a8_w8, but for those that belong to what they read: functions of one element
// (activations) and layers that move or join tensors have 16 bits where all their inputs have. The
// latter put out what they read: an asked mode counts by its input bits there. The frame has 8
// bits, always.
std::vector<PrecisionMode> plan_precision(const Graph& graph,
                                          const std::vector<std::optional<PrecisionMode>>& asked);

// The lines of a model script that come to `modes`: one quantization_param for each mode that is
// not what plan_precision would give by itself.
std::vector<std::string> precision_lines(const Graph& graph,
                                         const std::vector<PrecisionMode>& modes);

// Whether the layer puts out the integers that it reads: movement, and concatenation.
bool passes_precision(const Graph& graph, const Node& node);

// Whether a layer that nothing was asked of has the precision of what it reads.
bool follows_inputs(const Graph& graph, const Node& node);

// Bits of every value under `modes`: its producer's output bits; 8 for inputs and constants.
std::vector<int> value_bits(const Graph& graph, const std::vector<PrecisionMode>& modes);

}  // namespace quant
