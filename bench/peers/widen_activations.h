// SPDX-License-Identifier: MIT
// Makes the 16-bit rival of an 8-bit quantized model: ONNX Runtime has no file of that kind here.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// `qdq`: an ONNX file with uint8 activations between QuantizeLinear and DequantizeLinear. The same
// with uint16 ones of the same ranges: scales a 257th, zero points 257 times as large; int8 weights
// and int32 biases stay. As ONNX Runtime's own quantizer does it before opset 21, these nodes move
// to the domain com.microsoft, whose operators know 16 bits. InvalidData for a damaged file,
// NotFound where no activation is uint8.
Result<std::vector<std::byte>> widen_activations(std::span<const std::byte> qdq);

}  // namespace quant
