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

namespace {

// Σ (w − the nearest level)² at `scale`.
double rounding_error(std::span<const float> weights, double scale, double levels) {
  double error = 0;
  for (const float weight : weights) {
    const double level = std::clamp(std::nearbyint(weight / scale), -levels, levels);
    const double difference = weight - level * scale;
    error += difference * difference;
  }
  return error;
}

// The scale of least square error, among cuts of the range in steps of 1/100 down to a fifth.
double least_error_scale(std::span<const float> weights, double largest, double levels) {
  constexpr int kSteps = 100;
  double best_scale = largest / levels;
  double least = rounding_error(weights, best_scale, levels);
  for (int step = kSteps - 1; step >= kSteps / 5; --step) {
    const double scale = largest * step / kSteps / levels;
    const double error = rounding_error(weights, scale, levels);
    if (error >= least) continue;
    least = error;
    best_scale = scale;
  }
  return best_scale;
}

double chosen_scale(std::span<const float> weights, double levels, const WeightScaling& scaling) {
  double largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::abs(double{weight}));
  switch (scaling.clip) {
    case WeightScaling::Clip::kNone:
      return largest / levels;
    case WeightScaling::Clip::kMse:
      return largest > 0 ? least_error_scale(weights, largest, levels) : 0;
    case WeightScaling::Clip::kManual:
      return std::min(largest, scaling.limit) / levels;
  }
  return largest / levels;
}

double greatest_level(int bits) { return std::ldexp(1.0, bits - 1) - 1; }

template <typename Integer>
Tensor leveled(const Tensor& values, const QuantParams& params) {
  Tensor result(params.type, values.shape(), BufferFill::kUndefined);
  const auto source = values.data<float>();
  const auto target = result.data<Integer>();
  for (std::size_t i = 0; i < source.size(); ++i) {
    const float level = std::nearbyint(source[i] / params.scale[0]) + params.zero_point[0];
    target[i] = static_cast<Integer>(
        std::clamp(level, 0.0F, static_cast<float>(std::numeric_limits<Integer>::max())));
  }
  return result;
}

template <typename Integer>
Tensor rounded(const Tensor& weights, const QuantParams& params, double least, double most) {
  Tensor result(params.type, weights.shape(), BufferFill::kUndefined);
  const auto source = weights.data<float>();
  const auto target = result.data<Integer>();
  const auto inner = static_cast<std::size_t>(
      row_major_strides(weights.shape())[static_cast<std::size_t>(params.axis)]);
  for (std::size_t i = 0; i < source.size(); ++i) {
    const double scale = params.scale[i / inner % params.scale.size()];
    target[i] = static_cast<Integer>(
        std::clamp(std::nearbyint(static_cast<double>(source[i]) / scale), least, most));
  }
  return result;
}

}  // namespace

Tensor quantize_activation(const Tensor& values, const QuantParams& params) {
  return params.type == DataType::kUint16 ? leveled<std::uint16_t>(values, params)
                                          : leveled<std::uint8_t>(values, params);
}

QuantParams weight_params(const Tensor& weights, int axis, int bits, const WeightScaling& scaling) {
  const auto source = weights.data<float>();
  const auto channels = static_cast<std::size_t>(weights.shape()[static_cast<std::size_t>(axis)]);
  const auto inner =
      static_cast<std::size_t>(row_major_strides(weights.shape())[static_cast<std::size_t>(axis)]);
  const std::size_t groups =
      scaling.groups == 0 ? channels : std::min(channels, static_cast<std::size_t>(scaling.groups));
  const auto group_of = [&](std::size_t channel) { return channel * groups / channels; };
  std::vector<std::vector<float>> members(groups);
  for (std::size_t i = 0; i < source.size(); ++i)
    members[group_of(i / inner % channels)].push_back(source[i]);

  QuantParams params;
  params.type = bits == 16 ? DataType::kInt16 : DataType::kInt8;
  params.axis = axis;
  params.zero_point.assign(channels, 0.0F);
  std::vector<float> scales;
  for (const std::vector<float>& group : members) {
    const auto scale = static_cast<float>(chosen_scale(group, greatest_level(bits), scaling));
    scales.push_back(scale >= std::numeric_limits<float>::min() ? scale : 1.0F);
    for (const float weight : group)
      params.range_max = std::max(params.range_max, std::abs(weight));
  }
  params.range_min = -params.range_max;
  for (std::size_t channel = 0; channel < channels; ++channel)
    params.scale.push_back(scales[group_of(channel)]);
  return params;
}

Tensor round_weights(const Tensor& weights, const QuantParams& params, int bits) {
  const double most = greatest_level(bits);
  return bits == 16 ? rounded<std::int16_t>(weights, params, -most, most)
                    : rounded<std::int8_t>(weights, params, -most, most);
}

Tensor stored_weights(const Tensor& weights, const QuantParams& params) {
  return params.type == DataType::kInt16 ? rounded<std::int16_t>(weights, params, -32768.0, 32767.0)
                                         : rounded<std::int8_t>(weights, params, -128.0, 127.0);
}

QuantizedWeights quantize_weights(const Tensor& weights, int axis) {
  QuantParams params = weight_params(weights, axis);
  return {round_weights(weights, params), std::move(params)};
}

}  // namespace quant
