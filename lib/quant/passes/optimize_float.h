// SPDX-License-Identifier: MIT
// From the graph as read (context `native`) to the graph that is quantized (context
// `fp-optimized`).
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"

namespace quant {

// Quantization of the file's own lifted to parameters of values, normalization inside, no-ops gone,
// per-channel affine parts folded, SiLU fused, layers named anew. An image input then takes
// pixels (0…255) as float32; features stay as they are.
Result<Graph> optimize_float(Graph graph, const InputSpec& spec);

}  // namespace quant
