// SPDX-License-Identifier: MIT
// Layers with int8 weights: Conv, ConvTranspose, and products with a constant matrix.
#pragma once

#include "quant/base/result.h"
#include "quant/onnx/qdq_context.h"

namespace quant {

// Adds a Conv, ConvTranspose or Gemm of the integer graph. InvalidData or Unsupported where it is
// not as lower() makes them; errors name no layer.
Status write_weighted_layer(const QdqContext& context, const Node& node);

}  // namespace quant
