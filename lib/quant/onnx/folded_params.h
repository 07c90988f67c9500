// SPDX-License-Identifier: MIT
// What a constant that was folded from stored integers still knows of them.
#pragma once

#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// Parameters of the first output of `node`, whose inputs are all constants: of a DequantizeLinear
// those that it reads, under the type that the file stores; of what moves such a constant (a
// transposition, a reshape) the same. Nothing for other nodes, for blocks along an axis, and where
// a reshape would mix up scales per channel.
std::optional<QuantParams> folded_params(const Graph& graph, const Node& node);

// The elements of an integer tensor of at most 32 bits; empty for another type.
std::vector<float> integers_as_floats(const Tensor& integers);

}  // namespace quant
