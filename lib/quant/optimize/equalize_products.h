// SPDX-License-Identifier: MIT
// Equalization of products of two activations (attention): along the contracted axis one side can
// be divided and the other multiplied without changing the product, so that channels of unlike size
// on one side (as in SmoothQuant, Xiao et al., arXiv:2211.10438, there between activation and
// weights) need not share a scale with the rest.
#pragma once

#include <cstddef>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/step_progress.h"

namespace quant {

// Those of `nodes` of `graph` (fp-optimized) that can take part: a MatMul of two activations with
// equal batch axes, where layers with weights (Gemm, MatMul by a constant, Conv) make both sides,
// through nothing but movement, a bias, and factors that are one number, and nothing else reads
// them. Values in `untouched` keep their scale: their range is given in its units.
Result<std::vector<std::size_t>> equalizable_products(const Graph& graph,
                                                      const std::vector<std::size_t>& nodes,
                                                      const std::vector<ValueId>& untouched);

// `graph` as the same function with other scales inside, for those of `nodes` that can take part.
// Scales come from the least expected noise of the product: uniform rounding noise of each side
// through the energy of the other. Where a side shares its tensor with others (one layer for q, k
// and v), the tensor's range may not grow. Looks once at the set, and not at all where no product
// takes part. Nodes and ValueIds stay; constants may be added. Errors: an empty set; a step that is
// stopped. Deterministic.
Result<Graph> equalize_products(const Graph& graph, CalibrationSet& set,
                                const std::vector<std::size_t>& nodes,
                                const std::vector<ValueId>& untouched, int threads,
                                const StepProgress& progress);

}  // namespace quant
