// SPDX-License-Identifier: MIT
// Draws the line between the integer part of a network and the float part that stays on the host.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// For every node whether it runs on the host. The host takes
//  - nodes without an integer form (NMS, TopK, …), and everything behind them;
// and, where the model does not quantize itself what they make (Value::quant),
//  - box decoding: trailing arithmetic with constants that vary over positions (anchor grids), and
//  everything behind it;
//  - reshaping, merging and scaling that only leads there, so that the raw tensors are the outputs
//  of real layers.
// Unsupported, with all offenders in one list, where a layer with weights lies behind a node
// without an integer form.
Result<std::vector<bool>> partition(const Graph& graph);

}  // namespace quant
