// SPDX-License-Identifier: MIT
// Einsum: sums of products over labelled axes, worked out as matrix products of two operands at a
// time.
#pragma once

#include "quant/graph/operator.h"

namespace quant {

Result<std::vector<TensorType>> infer_einsum(const NodeContext& context);
Result<std::unique_ptr<PreparedNode>> prepare_einsum(const NodeContext& context);

}  // namespace quant
