// SPDX-License-Identifier: MIT
// Our tensors as torch's and back. Includes torch: only sources of fine-tuning do.
#pragma once

#include <ATen/ATen.h>

#include "quant/tensor/tensor.h"

namespace quant::tuning {

// float32 shares the tensor's memory and keeps it; int64 is copied; 8 and 32 bit integers become
// float32. Undefined for other types.
at::Tensor to_torch(const Tensor& tensor);
// A copy. Precondition: float32.
Tensor from_torch(const at::Tensor& x);

}  // namespace quant::tuning
