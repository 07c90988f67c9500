// SPDX-License-Identifier: MIT
// What a quantized model computes, but for rounding.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// Puts a Clip behind every node that makes a value with parameters (Value::quant): integers
// saturate, and quantizers leave the activation functions out that do the same (a Relu where the
// zero point is 0). Values keep their names; what they are before gets one of its own
// ("…/unsaturated").
void saturate(Graph& graph);

}  // namespace quant
