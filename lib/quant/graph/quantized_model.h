// SPDX-License-Identifier: MIT
// What the optimizer makes, the archive stores and the emulator runs: an integer graph from the
// uint8 frame to the raw outputs, and the float part that stays on the host behind it.
#pragma once

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"

namespace quant {

struct QuantizedModel {
  InputSpec input;
  // One input (uint8, shape 1,C,H,W, the frame's own pixels in input.color order); outputs are the
  // raw tensors. Every non-constant value has QuantParams; weights int8 with one scale per output
  // channel, biases int32 at scale s_in·s_w. Value names are ONNX's where the value exists there.
  Graph integer;
  // Float. Inputs are the dequantized raw tensors under the same names, in the same order as
  // integer.outputs; outputs are the model's own, in the model's order. No nodes where the network
  // is all integer: then outputs are inputs.
  Graph host;
};

}  // namespace quant
