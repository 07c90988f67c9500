// SPDX-License-Identifier: MIT
#include "quant/arithmetic/edge.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

template <typename T>
T quantize(float value, const EdgeParams& params, float highest) {
  const float low = (0.0F - params.zero_point) * params.scale;
  const float high = (highest - params.zero_point) * params.scale;
  // Written so that NaN takes the lower limit.
  const float clipped = value > low ? std::min(value, high) : low;
  const float scaled = clipped / params.scale;
  const float q = std::nearbyint(scaled + params.zero_point);
  return static_cast<T>(std::clamp(q, 0.0F, highest));
}

template <typename T, typename Function>
void for_each(std::span<const T> in, auto out, const Function& function) {
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = function(in[i]);
}

}  // namespace

std::uint8_t quantize_u8(float value, const EdgeParams& params) {
  return quantize<std::uint8_t>(value, params, 255.0F);
}
std::uint16_t quantize_u16(float value, const EdgeParams& params) {
  return quantize<std::uint16_t>(value, params, 65535.0F);
}
float dequantize(std::int32_t q, const EdgeParams& params) {
  return (static_cast<float>(q) - params.zero_point) * params.scale;
}

void quantize_u8(std::span<const float> values, const EdgeParams& params,
                 std::span<std::uint8_t> out) {
  for_each(values, out, [&](float value) { return quantize_u8(value, params); });
}
void quantize_u16(std::span<const float> values, const EdgeParams& params,
                  std::span<std::uint16_t> out) {
  for_each(values, out, [&](float value) { return quantize_u16(value, params); });
}
void dequantize(std::span<const std::uint8_t> q, const EdgeParams& params, std::span<float> out) {
  for_each(q, out, [&](std::uint8_t value) { return dequantize(value, params); });
}
void dequantize(std::span<const std::uint16_t> q, const EdgeParams& params, std::span<float> out) {
  for_each(q, out, [&](std::uint16_t value) { return dequantize(value, params); });
}

}  // namespace quant
