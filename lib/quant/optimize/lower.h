// SPDX-License-Identifier: MIT
// From the float graph and the ranges of its activations to integers.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/quantized_model.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"

namespace quant {

// `graph` is fp-optimized (optimize_float); `ranges` are by its ValueId, `plan` by its nodes.
// Where a layer reads another precision than it wants, a Requantize layer stands between.
// Errors: no integer form in the middle of the network (all offenders listed), NaN in weights
// (named).
//
// Forms in the integer graph beyond ONNX's, with their inputs in order:
// - Conv, ConvTranspose: x, weights int8 or int16 (ONNX's order), bias int32 or int64; attributes
//   strides, pads (explicit), dilations, group, activation_min, activation_max, and those of
//   graph/integer_attributes.h.
// - Gemm, for every product with a constant matrix: x (..., K), weights (N, K), bias; as above.
// - Lookup: x, table of the output's type, 256 or 65536 entries as x has 8 or 16 bits.
// - Requantize: x.
// - Softmax: x, table uint32 of exponentials (arithmetic/softmax.h), 256 or 65536.
// - All others as in ONNX; constants that they compute with have the bits of what they meet, and
//   parameters, except those of norms and slopes, which stay float32.
//
// What the model quantizes itself (Value::quant) keeps its parameters, whatever the range: no layer
// takes over a neighbour across it, nothing is shared that would change it, and a tensor that is
// only moved gets other parameters by a Lookup behind. On the host it is rounded by QuantizeLinear
// and DequantizeLinear. The frame becomes a Lookup (Split, one Lookup a channel, Concat, where
// channels differ), or is taken as it is.
//
// Where x has one scale per channel (the frame), the weights' scales include it and the kernel's
// input scale counts as 1.
Result<QuantizedModel> lower(const Graph& graph, const InputSpec& input,
                             const std::vector<Range>& ranges, const QuantizationPlan& plan = {});

// The activations whose ranges that needs, because the model says nothing of them. Same errors.
Result<std::vector<ValueId>> values_without_parameters(const Graph& graph, const InputSpec& input,
                                                       const QuantizationPlan& plan);

}  // namespace quant
