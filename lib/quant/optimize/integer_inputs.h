// SPDX-License-Identifier: MIT
// From the float graph's inputs to those of the integer graph.
#pragma once

#include <span>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Integers (uint8 or uint16) in the order of ONNX's axes, copied into the order that the integer
// executor reads: feature maps (N, C, H, W) become (N, H, W, C), other tensors stay as they are.
Tensor as_executor_input(const Tensor& integers);

// The frame of float pixels (1, C, H, W), 0 … 255, as the device sees it: uint8 (1, H, W, C).
Tensor frame_of_pixels(const Tensor& pixels);

// What the integer executor takes for `float_inputs` (the fp-optimized graph's, in its order): an
// image as frame_of_pixels makes it; features quantized by the edge rule (docs/arithmetic.md) with
// the parameters of the graph's inputs, feature maps channels last. Precondition: number and shapes
// are the graph's.
std::vector<Tensor> integer_inputs(const Graph& integer, const InputSpec& spec,
                                   std::span<const Tensor> float_inputs);

}  // namespace quant
