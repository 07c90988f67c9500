// SPDX-License-Identifier: MIT
#include "quant/arithmetic/requantize.h"

namespace quant {

Requantization make_requantization(float input_scale, std::span<const float> weight_scales,
                                   float output_scale, const OutputRange& output) {
  Requantization result;
  result.output = output;
  result.multipliers.reserve(weight_scales.size());
  result.wide_multipliers.reserve(weight_scales.size());
  for (const float weight_scale : weight_scales) {
    const double multiplier = static_cast<double>(input_scale) * static_cast<double>(weight_scale) /
                              static_cast<double>(output_scale);
    result.wide_multipliers.push_back(multiplier);
    result.multipliers.push_back(static_cast<float>(multiplier));
  }
  return result;
}

}  // namespace quant
