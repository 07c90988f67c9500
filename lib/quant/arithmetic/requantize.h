// SPDX-License-Identifier: MIT
// From an integer accumulator to a quantized output: the one rounding rule of the integer path.
// Scalar and normative; docs/arithmetic.md is its text, every SIMD kernel equals it bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace quant {

// real = (q − zero_point) · scale, of one tensor. scale is finite and > 0.
struct AffineParams {
  float scale = 1;
  std::int32_t zero_point = 0;
  bool operator==(const AffineParams&) const = default;
};

// The integers that an output may take: qmin ≤ zero_point ≤ qmax is not required (a fused
// activation may move both ends to one side of it), qmin ≤ qmax is. A fused ReLU has qmin =
// zero_point.
struct OutputRange {
  std::int32_t zero_point = 0;
  std::int32_t qmin = 0;
  std::int32_t qmax = 255;
};

// What turns accumulators at scale s_in·s_w[c] into outputs at scale s_out.
struct Requantization {
  // 1 or one per output channel; as many of both.
  std::vector<float> multipliers;        // M32[c] = float32(M64[c])
  std::vector<double> wide_multipliers;  // M64[c] = double(s_in)·double(s_w[c]) / double(s_out)
  OutputRange output;

  float multiplier(std::int64_t channel) const {
    return multipliers[multipliers.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  }
  double wide_multiplier(std::int64_t channel) const {
    return wide_multipliers[wide_multipliers.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  }
};

// Fills both multipliers by the formulas above. `weight_scales` has 1 or out_channels entries.
Requantization make_requantization(float input_scale, std::span<const float> weight_scales,
                                   float output_scale, const OutputRange& output);

// s_a / s_b in double, rounded once: the multiplier of every rule with one input scale.
inline float scale_ratio(float numerator, float denominator) {
  return static_cast<float>(static_cast<double>(numerator) / static_cast<double>(denominator));
}

// The last step of every 8-bit rule: clamps t to [qmin − zp, qmax − zp], rounds half to even, adds
// zp. t is in units of the output's scale and no NaN; it may be infinite.
inline std::int32_t round_to_output(float t, const OutputRange& output) {
  const auto lowest = static_cast<float>(output.qmin - output.zero_point);
  const auto highest = static_cast<float>(output.qmax - output.zero_point);
  t = std::min(std::max(t, lowest), highest);
  return static_cast<std::int32_t>(std::nearbyint(t)) + output.zero_point;
}
// The same in double: 16-bit outputs and 64-bit accumulators.
inline std::int32_t round_to_output(double t, const OutputRange& output) {
  const auto lowest = static_cast<double>(output.qmin - output.zero_point);
  const auto highest = static_cast<double>(output.qmax - output.zero_point);
  t = std::min(std::max(t, lowest), highest);
  return static_cast<std::int32_t>(std::nearbyint(t)) + output.zero_point;
}

// 8-bit output of a 32-bit accumulator: t = float32(acc) · M32, both steps rounded to float32.
inline std::uint8_t requantize_u8(std::int32_t accumulator, float multiplier,
                                  const OutputRange& output) {
  return static_cast<std::uint8_t>(
      round_to_output(static_cast<float>(accumulator) * multiplier, output));
}
// 8-bit output of a 64-bit accumulator: t = double(acc) · M64.
inline std::uint8_t requantize_u8(std::int64_t accumulator, double multiplier,
                                  const OutputRange& output) {
  return static_cast<std::uint8_t>(
      round_to_output(static_cast<double>(accumulator) * multiplier, output));
}
// 16-bit output, of either accumulator: t = double(acc) · M64.
inline std::uint16_t requantize_u16(std::int64_t accumulator, double multiplier,
                                    const OutputRange& output) {
  return static_cast<std::uint16_t>(
      round_to_output(static_cast<double>(accumulator) * multiplier, output));
}

}  // namespace quant
