// SPDX-License-Identifier: MIT
// Integer layers take over what directly follows them: a bias behind a matrix product, a ReLU or
// clip behind arithmetic.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// A fused clamp becomes the attributes activation_min / activation_max (real values; absent = open)
// of the node, which then makes the follower's output. ValueIds stay; `host` shrinks with the
// nodes.
void fuse_followers(Graph& graph, std::vector<bool>& host);

}  // namespace quant
