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

// The float network of `subject` with `layer` alone quantized:
// - its weights, where it has any, are the dequantized integers of the integer graph; where those
// do
//   not belong to these float weights (an element is off by more than a step: equalization moved
//   scales between the layers), the float weights are quantized per output channel with the same
//   rule. Its bias stays float: at 32 bits it has no noise to speak of.
// - its output goes through QuantizeLinear and DequantizeLinear with the archive's parameters;
// where
//   channels are scaled, with the scale of each channel divided by its gain, which quantizes r as
//   the integer graph quantizes g·r.
// InvalidData where the graph cannot be rebuilt.
Result<Graph> quantize_one_layer(const NoiseSubject& subject, const LayerNoise& layer);

// Fills in LayerNoise::at_outputs and NoiseReport::full_frames. `report` is the on-layer report of
// the same subject. Frames and reference outputs are held in memory. InvalidArgument where there
// are no frames.
Status add_full_analysis(const NoiseSubject& subject, std::span<const Tensor> float_pixels,
                         int threads, const FullProgress& progress, NoiseReport& report);

}  // namespace quant
