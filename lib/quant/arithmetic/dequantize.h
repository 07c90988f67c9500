// SPDX-License-Identifier: MIT
// Raw tensors to real values: (q − zero_point) · scale in float32, per tensor or along an axis.
#pragma once

#include "quant/base/result.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// uint8 or uint16 to float32 of the same shape. InvalidArgument where `params` do not fit the
// tensor.
Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params);

}  // namespace quant
