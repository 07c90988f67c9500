// SPDX-License-Identifier: MIT
// x · sigmoid(x) as one node.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// Only where nothing else reads the sigmoid.
void fuse_silu(Graph& graph);

}  // namespace quant
