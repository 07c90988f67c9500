// SPDX-License-Identifier: MIT
// From an integer accumulator to a quantized output: the one rounding rule of the integer path.
// Scalar and normative; docs/arithmetic.md is its text, every SIMD kernel equals it bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace quant {

// real = (q − zero_point) · scale, of one tensor. scale is finite and > 0.
struct AffineParams {
  float scale = 1;
  std::int32_t zero_point = 0;
  bool operator==(const AffineParams&) const = default;
};

// What an operation computes in: float32 where each of its tensors has 8 bits, else float64. A sum
// that may leave int32 asks for float64 as well.
template <typename... Elements>
using RuleReal = std::conditional_t<((sizeof(Elements) == 1) && ...), float, double>;

// The integers that an output may take: qmin ≤ zero_point ≤ qmax is not required (a fused
// activation may move both ends to one side of it), qmin ≤ qmax is. A fused ReLU has qmin =
// zero_point.
struct OutputRange {
  std::int32_t zero_point = 0;
  std::int32_t qmin = 0;
  std::int32_t qmax = 255;
  bool operator==(const OutputRange&) const = default;
};

// s_a / s_b in double, rounded at most once: the multiplier of every rule with one input scale.
template <typename Real = float>
Real scale_ratio(float numerator, float denominator) {
  return static_cast<Real>(static_cast<double>(numerator) / static_cast<double>(denominator));
}

// The last step of every rule: clamps t to [qmin − zp, qmax − zp], rounds half to even, adds zp. t
// is in units of the output's scale and no NaN; it may be infinite.
template <typename Real>
std::int32_t round_to_output(Real t, const OutputRange& output) {
  const auto lowest = static_cast<Real>(output.qmin - output.zero_point);
  const auto highest = static_cast<Real>(output.qmax - output.zero_point);
  t = std::min(std::max(t, lowest), highest);
  return static_cast<std::int32_t>(std::nearbyint(t)) + output.zero_point;
}

// t = Real(acc) · M, both steps rounded to Real: float32 and M32 for 8 bits and an accumulator in
// int32, else float64 and M64.
template <typename Output, typename Real>
Output requantize(std::int64_t accumulator, Real multiplier, const OutputRange& output) {
  return static_cast<Output>(round_to_output(static_cast<Real>(accumulator) * multiplier, output));
}

// What turns accumulators at scale s_in·s_w[c] into outputs at scale s_out[c].
struct Requantization {
  // 1 or one per output channel; as many of both.
  std::vector<float> multipliers;        // M32[c] = float32(M64[c])
  std::vector<double> wide_multipliers;  // M64[c] = double(s_in)·double(s_w[c]) / double(s_out[c])
  std::vector<OutputRange> outputs{OutputRange{}};  // 1 or one per output channel

  template <typename Real>
  Real multiplier(std::int64_t channel) const {
    if constexpr (std::is_same_v<Real, float>) {
      return multipliers[multipliers.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
    } else {
      return wide_multipliers[wide_multipliers.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
    }
  }
  const OutputRange& output(std::int64_t channel) const {
    return outputs[outputs.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  }
  template <typename Output, typename Real>
  Output apply(std::int64_t accumulator, std::int64_t channel) const {
    return requantize<Output>(accumulator, multiplier<Real>(channel), output(channel));
  }
};

// Fills both multipliers by the formulas above. Each argument but the first has 1 or out_channels
// entries.
Requantization make_requantization(float input_scale, std::span<const float> weight_scales,
                                   std::span<const float> output_scales,
                                   std::vector<OutputRange> outputs);
inline Requantization make_requantization(float input_scale, std::span<const float> weight_scales,
                                          float output_scale, const OutputRange& output) {
  return make_requantization(input_scale, weight_scales, {&output_scale, 1}, {output});
}

}  // namespace quant
