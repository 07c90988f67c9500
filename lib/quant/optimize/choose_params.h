// SPDX-License-Identifier: MIT
// From real ranges to scales and zero points.
#pragma once

#include <cstdint>

#include "quant/optimize/observer.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Asymmetric, one scale for the tensor; the range is widened to hold zero, so that zero has an
// exact integer. A range of no width (a dead tensor) gets scale 1. `type` is kUint8 or kUint16.
QuantParams activation_params(Range range, DataType type = DataType::kUint8);

// Weights as int8 in [−127, 127] with one scale per index of `axis` (max |w| / 127; 1 where all are
// zero).
struct QuantizedWeights {
  Tensor values;  // int8, shape of the input
  QuantParams params;
};
// Precondition: `weights` is float32 and finite.
QuantizedWeights quantize_weights(const Tensor& weights, int axis);

}  // namespace quant
