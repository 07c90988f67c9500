// SPDX-License-Identifier: MIT
// Rounding to a grid with gradients (straight through), for fine-tuning. Includes torch: only
// sources of fine-tuning do.
#pragma once

#include <ATen/ATen.h>

#include <optional>

#include "quant/graph/attributes.h"

namespace quant::tuning {

// What a layer's output is held to besides its range (activation_min, activation_max).
struct Clamp {
  std::optional<float> min;
  std::optional<float> max;
};
Clamp clamp_of(const Attributes& attributes);

// x (float32, dense, any memory format) on the grid that activation_params makes of the range
// [low, high] with `levels` + 1 levels, cut to `clamp`. low ≤ 0 ≤ high are scalars. Gradients: of x
// where nothing is cut; of low and high as in LSQ+ (Bhalgat et al., arXiv:2004.09576) but for a
// price on what is cut: 3 where the range cuts (1 there), the rounding error's share elsewhere.
at::Tensor fake_quantize(const at::Tensor& x, const at::Tensor& low, const at::Tensor& high,
                         int levels, const Clamp& clamp);

// Weights to the nearest of ±`levels` steps of `scale` (broadcastable). The gradient passes
// straight through.
at::Tensor fake_quantize_weights(const at::Tensor& weights, const at::Tensor& scale, int levels);

}  // namespace quant::tuning
