// SPDX-License-Identifier: MIT
// The layers of an integer graph as ONNX operators between DequantizeLinear and QuantizeLinear.
#pragma once

#include "quant/base/result.h"
#include "quant/onnx/qdq_context.h"

namespace quant {

// Adds `node` of the integer graph: its integers are values.quantized() of its outputs. Unsupported
// where no ONNX operator computes it; errors name no layer. Preconditions: the node has an input
// and an output, every activation parameters, and oldest_opset() allows the opset.
Status write_qdq_layer(const QdqContext& context, const Node& node);

}  // namespace quant
