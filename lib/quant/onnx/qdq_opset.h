// SPDX-License-Identifier: MIT
// The graph's operators, which mean what opset 21 says, in the forms of older opsets.
#pragma once

#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

// Per-channel parameters of DequantizeLinear and the forms of Softmax and Squeeze that the graph
// has begin here.
inline constexpr int kOldestQdqOpset = 13;
inline constexpr int kNewestQdqOpset = 21;
// Has a type for 4-bit weights.
inline constexpr int kOpsetOfInt4 = 21;

// The first opset from kOldestQdqOpset on that can say what `node` computes.
int oldest_opset(const Graph& graph, const Node& node);

// Whether a node of an integer graph has weights of 4 bits, all under one step or one for each
// output channel. Where groups have steps of their own, it takes 8 bits to say the weights in the
// channel's.
bool has_int4_weights(const Graph& graph, const Node& node);

// `node` as that opset writes it: attributes that it does not know yet are gone, and inputs that
// were attributes then. Inputs that went are kNoValue. Precondition: oldest_opset(graph, node) ≤
// opset.
Node in_opset(const Graph& graph, Node node, int opset);

}  // namespace quant
