// SPDX-License-Identifier: MIT
// The explicit layers between a value of one precision and a reader that wants another.
#pragma once

#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/observer.h"
#include "quant/script/precision_mode.h"

namespace quant {

// Puts a Requantize node (precision_change1, …) before every input of a node that is not on the
// host and whose `modes` entry wants other bits than the value has; one for all readers of a value.
// Layers with weights read `frame` as it is. New values have their source's shape and range; all
// vectors by node or value grow with the graph.
void insert_precision_changes(Graph& graph, std::vector<bool>& host, ValueId frame,
                              std::vector<PrecisionMode>& modes, std::vector<Range>& ranges,
                              std::vector<int>& bits);

}  // namespace quant
