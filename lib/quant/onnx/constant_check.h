// SPDX-License-Identifier: MIT
// Weights that no network can compute with: NaN anywhere, infinity where it is no bound or mask.
#pragma once

#include <string>

#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

// InvalidData naming the tensor and the element where a float tensor holds a NaN.
Status check_no_nan(const std::string& name, const Tensor& tensor);

// InvalidData naming the tensor and its reader where a constant of the graph holds a NaN, or an
// infinity that is neither a bound (Clip, Min, Max, Pad, Where, comparisons) nor a mask (-inf that
// Add adds).
Status check_constants(const Graph& graph);

}  // namespace quant
