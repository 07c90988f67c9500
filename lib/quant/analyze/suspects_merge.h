// SPDX-License-Identifier: MIT
// Where the values of an output come from, through operators that only move them.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// Reshape, Transpose, Concat, Slice, …: values go through unchanged.
bool moves_values(OpKind op);

// The values that something computed, in the order of Concat inputs, without constants; `output`
// itself where it is one.
std::vector<ValueId> origins(const Graph& graph, ValueId output);

}  // namespace quant
