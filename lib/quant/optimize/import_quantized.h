// SPDX-License-Identifier: MIT
// A model that others have quantized: integers as its file says, nothing chosen anew.
#pragma once

#include "quant/optimize/optimizer.h"

namespace quant {

// What optimize() does with a graph (fp-optimized) that has parameters of its own. Calibrates only
// the activations that have none, by options.method or min-max; without any, `set` is not looked
// at. Errors: InvalidArgument where the options or the script ask for what would change the
// parameters, or where frames are needed and `set` has none (the activations are named);
// Unsupported where a layer's integers have no form here.
Result<OptimizedModel> import_quantized(Graph graph, const InputSpec& input,
                                        const OptimizerOptions& options, CalibrationSet& set,
                                        const OptimizerProgress& progress);

}  // namespace quant
