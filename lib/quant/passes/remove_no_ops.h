// SPDX-License-Identifier: MIT
// Drops nodes that change nothing: a mean over an axis of one element, a reshape to the same shape,
// a transpose that keeps the order, a concatenation of one.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// A node between a graph input and a graph output stays, so that the two keep their names. So does
// one between two tensors that the model quantizes differently.
void remove_no_ops(Graph& graph);

}  // namespace quant
