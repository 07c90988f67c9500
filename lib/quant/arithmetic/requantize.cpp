// SPDX-License-Identifier: MIT
#include "quant/arithmetic/requantize.h"

#include <utility>

namespace quant {

Requantization make_requantization(float input_scale, std::span<const float> weight_scales,
                                   std::span<const float> output_scales,
                                   std::vector<OutputRange> outputs) {
  Requantization result;
  result.outputs = std::move(outputs);
  const std::size_t channels = std::max(weight_scales.size(), output_scales.size());
  result.multipliers.reserve(channels);
  result.wide_multipliers.reserve(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double weight_scale = weight_scales[weight_scales.size() == 1 ? 0 : c];
    const double output_scale = output_scales[output_scales.size() == 1 ? 0 : c];
    const double multiplier = static_cast<double>(input_scale) * weight_scale / output_scale;
    result.wide_multipliers.push_back(multiplier);
    result.multipliers.push_back(static_cast<float>(multiplier));
  }
  return result;
}

}  // namespace quant
