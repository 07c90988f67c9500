// SPDX-License-Identifier: MIT
// QLinearConv and QLinearMatMul of third-party quantized models. Not the emulator: this is ONNX's
// arithmetic, float32(accumulator) · (s_x·s_w/s_y) rounded half to even, accumulators of 32 bits.
#pragma once

#include "quant/graph/operator.h"

namespace quant {

Result<std::vector<TensorType>> infer_quantized_convolution(const NodeContext& context);
Status compute_quantized_convolution(const NodeContext& context, std::span<Tensor> outputs);

Result<std::vector<TensorType>> infer_quantized_product(const NodeContext& context);
Status compute_quantized_product(const NodeContext& context, std::span<Tensor> outputs);

}  // namespace quant
