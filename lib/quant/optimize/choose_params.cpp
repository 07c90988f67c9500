// SPDX-License-Identifier: MIT
#include "quant/optimize/choose_params.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quant {

QuantParams activation_params(Range range, DataType type) {
  const double levels = type == DataType::kUint16 ? 65535.0 : 255.0;
  const double low = std::min(0.0, static_cast<double>(range.min));
  const double high = std::max(0.0, static_cast<double>(range.max));
  QuantParams params;
  params.type = type;
  params.range_min = static_cast<float>(low);
  params.range_max = static_cast<float>(high);
  const auto scale = static_cast<float>((high - low) / levels);
  // Subnormal scales lose their relative precision, and 1/scale its range.
  if (!(scale >= std::numeric_limits<float>::min())) {
    params.scale = {1.0F};
    params.zero_point = {0.0F};
    return params;
  }
  params.scale = {scale};
  // 0 − low, not −low: a range that starts at 0 has the zero point 0, not −0.
  params.zero_point = {
      static_cast<float>(std::clamp(std::nearbyint((0.0 - low) / scale), 0.0, levels))};
  return params;
}

QuantizedWeights quantize_weights(const Tensor& weights, int axis) {
  constexpr double kLevels = 127.0;
  const auto source = weights.data<float>();
  const auto channels = static_cast<std::size_t>(weights.shape()[static_cast<std::size_t>(axis)]);
  const auto inner =
      static_cast<std::size_t>(row_major_strides(weights.shape())[static_cast<std::size_t>(axis)]);

  std::vector<float> largest(channels, 0.0F);
  for (std::size_t i = 0; i < source.size(); ++i) {
    float& entry = largest[i / inner % channels];
    entry = std::max(entry, std::abs(source[i]));
  }
  QuantizedWeights result{Tensor(DataType::kInt8, weights.shape()), {}};
  result.params.type = DataType::kInt8;
  result.params.axis = axis;
  result.params.zero_point.assign(channels, 0.0F);
  for (const float value : largest) {
    const auto scale = static_cast<float>(value / kLevels);
    result.params.scale.push_back(scale >= std::numeric_limits<float>::min() ? scale : 1.0F);
    result.params.range_max = std::max(result.params.range_max, value);
  }
  result.params.range_min = -result.params.range_max;
  const auto target = result.values.data<std::int8_t>();
  for (std::size_t i = 0; i < source.size(); ++i) {
    const double level =
        std::nearbyint(static_cast<double>(source[i]) / result.params.scale[i / inner % channels]);
    target[i] = static_cast<std::int8_t>(std::clamp(level, -kLevels, kLevels));
  }
  return result;
}

}  // namespace quant
