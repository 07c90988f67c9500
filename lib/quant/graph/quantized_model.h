// SPDX-License-Identifier: MIT
// What the optimizer makes, the archive stores and the emulator runs: an integer graph from the
// uint8 frame to the raw outputs, and the float part that stays on the host behind it.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"

namespace quant {

struct QuantizedModel {
  InputSpec input;
  // Input: a frame (uint8, shape 1,C,H,W, pixels in input.color order) or features; outputs are the
  // raw tensors. Value names are ONNX's where the value exists there. IntegerPlan::create() checks:
  // - Activations are uint8 or uint16 with one scale and an integer zero point. The frame may have
  //   one of both per channel, with fractions (its normalization inside).
  // - A tensor that Conv, ConvTranspose or Gemm make may have one scale and integer zero point per
  //   output channel (along axis 1 of a feature map, the last axis of a matrix), where nothing
  //   computes with it: it is an output of the graph, or reshapes, transposes and concatenations
  //   bring it there, each with the parameters of the same channels along the axis where they lie.
  // - Conv, ConvTranspose, Gemm: x, weights, bias; types in any combination. Weights are int8 (also
  //   those of 4 bits: −7…7) or int16, with one scale, or one per output channel; biases are int32
  //   at scale s_in·s_w, or int64 (within ±2^53) where x or the weights have 16 bits.
  // - Lookup: x, table. One entry of the output's type for each level of x: 256 or 65536.
  // - Requantize: the same real values under the output's parameters, from any type to any.
  // - Softmax: x, table. uint32 exponentials (arithmetic/softmax.h), one for each level of x.
  // - Add, Sub, Mul, Div (constants are quantized like activations), PRelu, AveragePool,
  // reductions,
  //   global pooling, Resize, InstanceNormalization, LayerNormalization, MatMul of two activations,
  //   Concat: inputs and output in any combination of types.
  // - MaxPool keeps the type; movement (Reshape, Transpose, Slice, Split, Gather, Pad, …) keeps
  // type
  //   and parameters.
  Graph integer;
  // Float. Inputs are the dequantized raw tensors under the same names, in the same order as
  // integer.outputs; outputs are the model's own, in the model's order. No nodes where the network
  // is all integer: then outputs are inputs.
  Graph host;
};

}  // namespace quant
