// SPDX-License-Identifier: MIT
// Tensors of integers to real values.
#pragma once

#include "quant/base/result.h"
#include "quant/kernels/relayout/dequantize.h"
#include "quant/tensor/device_tensor.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// uint8 or uint16 to float32 of the same shape, per tensor or along params.axis. InvalidArgument
// where `params` do not fit the tensor.
Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params);

// A device's memory to float32 of shape (1, height, width, channels) or (1, channels, height,
// width). Floats are only moved, and `params` not read; else errors as Dequantize::create and
// check_device_tensor.
Result<Tensor> dequantize_tensor(const DeviceTensor& quantized, const QuantParams& params,
                                 DenseOrder order);

}  // namespace quant
