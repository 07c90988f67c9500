// SPDX-License-Identifier: MIT
// GridSample: an image read at the coordinates that a second tensor holds.
#pragma once

#include "quant/graph/operator.h"

namespace quant {

Result<std::vector<TensorType>> infer_grid_sample(const NodeContext& context);
Status compute_grid_sample(const NodeContext& context, std::span<Tensor> outputs);

}  // namespace quant
