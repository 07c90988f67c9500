// SPDX-License-Identifier: MIT
// From real ranges to scales and zero points.
#pragma once

#include <cstdint>

#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Asymmetric, one scale for the tensor; the range is widened to hold zero, so that zero has an
// exact integer. A range of no width (a dead tensor) gets scale 1. `type` is kUint8 or kUint16.
QuantParams activation_params(Range range, DataType type = DataType::kUint8);

// As ONNX's QuantizeLinear: values divided by the scale in float32, rounded half to even,
// saturated; of params.type (kUint8, kUint16).
Tensor quantize_activation(const Tensor& values, const QuantParams& params);

// Parameters of weights as symmetric integers in ±(2^(bits − 1) − 1): int8 for 4 and 8 bits, int16
// for 16. One scale per index of `axis`, as `scaling` says: largest |w| / (2^(bits − 1) − 1) unless
// clipped; 1 where all are zero. Precondition: `weights` is float32 and finite; bits is 4, 8 or 16.
QuantParams weight_params(const Tensor& weights, int axis, int bits = 8,
                          const WeightScaling& scaling = {});
// Rounded to the nearest level, half to even, saturated to ±(2^(bits − 1) − 1).
Tensor round_weights(const Tensor& weights, const QuantParams& params, int bits = 8);

// The integers, over the whole range of params.type, of weights that are multiples of its scales.
Tensor stored_weights(const Tensor& weights, const QuantParams& params);

// Both at 8 bits.
struct QuantizedWeights {
  Tensor values;  // int8, shape of the input
  QuantParams params;
};
QuantizedWeights quantize_weights(const Tensor& weights, int axis);

}  // namespace quant
