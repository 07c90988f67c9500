// SPDX-License-Identifier: MIT
// Lets a network take camera pixels: puts (pixel − mean[c]) / std[c] behind its image input.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"

namespace quant {

// The input keeps its name, type float32 and shape, and now means pixels (0…255). Errors where the
// input that `spec` names is missing or has another size.
Status insert_normalization(Graph& graph, const InputSpec& spec);

}  // namespace quant
