// SPDX-License-Identifier: MIT
// The check that every backend makes before it runs.
#pragma once

#include <span>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// InvalidArgument naming the input where number, type or shape differ from `expected`.
Status check_inputs(std::span<const Tensor> inputs, const std::vector<TensorInfo>& expected);

}  // namespace quant
