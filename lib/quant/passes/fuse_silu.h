// SPDX-License-Identifier: MIT
// x · sigmoid(x) as one node.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// Only where nothing else reads the sigmoid, and where the model does not quantize it.
void fuse_silu(Graph& graph);

}  // namespace quant
