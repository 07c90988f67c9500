// SPDX-License-Identifier: MIT
// Full analysis: one layer at a time is quantized, everything else stays float, and the noise is
// measured at the model's outputs. Says which layer alone costs how much; layers × frames float
// runs.
#pragma once

#include <functional>
#include <span>

#include "quant/analyze/layer_noise.h"

namespace quant {

// Layers done, and of how many.
using FullProgress = std::function<void(std::int64_t, std::int64_t)>;

// Fills in LayerNoise::at_outputs and NoiseReport::full_frames. `report` is the on-layer report of
// the same subject; each layer is a hybrid network of its own. `frames` are float_inputs(); they
// and the reference outputs are held in memory. InvalidArgument where there are no frames.
Status add_full_analysis(const NoiseSubject& subject, std::span<const std::vector<Tensor>> frames,
                         int threads, const FullProgress& progress, NoiseReport& report);

}  // namespace quant
