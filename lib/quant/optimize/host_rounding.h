// SPDX-License-Identifier: MIT
// A quantized model rounds what its float part computes, too.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// Puts QuantizeLinear and DequantizeLinear behind every node of the float graph `host` that makes a
// value with parameters (Value::quant), then drops the parameters of all values: a float graph that
// runs has none. Values keep their names; what they are before rounding gets one of its own.
void round_on_host(Graph& host);

}  // namespace quant
