// SPDX-License-Identifier: MIT
// From the float graph and the ranges of its activations to integers.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/quantized_model.h"
#include "quant/optimize/observer.h"

namespace quant {

// `graph` is fp-optimized (optimize_float); `ranges` are by its ValueId. a8_w8 throughout.
// Errors: no integer form in the middle of the network (all offenders listed), NaN in weights (named).
//
// Forms in the integer graph beyond ONNX's (inputs in order):
//  Conv, ConvTranspose   x, weights int8 (ONNX order), bias int32; attributes strides, pads (explicit), dilations, group,
//                        activation_min / activation_max
//  Gemm                  x (…, K), weights int8 (N, K), bias int32: every product with a constant matrix
//  Lookup                x, table uint8[256]
//  others                as in ONNX, constants that they compute with as uint8 with parameters or, for
//                        norms and slopes, float32
// Where x has one scale per channel (the frame), the weights' scales include it and the kernel's input scale counts as 1.
Result<QuantizedModel> lower(const Graph& graph, const InputSpec& input, const std::vector<Range>& ranges);

}  // namespace quant
