// SPDX-License-Identifier: MIT
// From the float graph and the ranges of its activations to integers.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/quantized_model.h"
#include "quant/optimize/observer.h"

namespace quant {

// `graph` is fp-optimized (optimize_float); `ranges` are by its ValueId. a8_w8 throughout.
// Errors: no integer form in the middle of the network (all offenders listed), NaN in weights
// (named).
//
// Forms in the integer graph beyond ONNX's, with their inputs in order:
// - Conv, ConvTranspose: x, weights int8 (ONNX's order), bias int32; attributes strides, pads
//   (explicit), dilations, group, activation_min, activation_max.
// - Gemm, for every product with a constant matrix: x (..., K), weights int8 (N, K), bias int32.
// - Lookup: x, table uint8 (256).
// - Softmax: x, table uint32 (256) of exponentials (arithmetic/softmax.h).
// - All others as in ONNX; constants that they compute with are uint8 with parameters, except those
//   of norms and slopes, which stay float32.
//
// Where x has one scale per channel (the frame), the weights' scales include it and the kernel's
// input scale counts as 1.
Result<QuantizedModel> lower(const Graph& graph, const InputSpec& input,
                             const std::vector<Range>& ranges);

}  // namespace quant
