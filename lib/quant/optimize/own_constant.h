// SPDX-License-Identifier: MIT
// Constants that one node may change without another noticing.
#pragma once

#include <cstddef>

#include "quant/graph/graph.h"

namespace quant {

// Input `input` of `node` (a node of `graph`) as a constant that nothing else reads and whose
// memory is its own. ValueIds of `graph` stay; a value is added where others read the constant too.
// Precondition: that input is a constant.
Tensor& own_constant(Graph& graph, Node& node, std::size_t input);

}  // namespace quant
