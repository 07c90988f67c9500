// SPDX-License-Identifier: MIT
// Element-wise arithmetic of two quantized tensors. Normative; the order of operations is part of
// the rule.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"

namespace quant {

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kMin, kMax };

// With A = q_a − zp_a and B = q_b − zp_b, both exact, and t in units of the output's scale, each
// operation rounded once to Real (RuleReal of both operands and the output), nothing fused:
//   add  t = Real(A)·Ma + Real(B)·Mb     Ma = Real(double(s_a)/s_out), Mb = Real(double(s_b)/s_out)
//   sub  t = Real(A)·Ma − Real(B)·Mb
//   min  t = the lesser of Real(A)·Ma and Real(B)·Mb; max: the greater
//   mul  t = Real(A·B)·Ma                Ma = Real(double(s_a)·s_b/s_out)
//   div  t = (Real(A)·Ma) / Real(B)      Ma = Real(double(s_a)/(double(s_b)·s_out));
//        B = 0: +∞ for A > 0, −∞ for A < 0 (the output saturates), 0 for A = 0
// and the output is round_to_output(t).
template <typename Real>
struct BinaryMultipliers {
  Real a = 1;
  Real b = 1;  // 0 for mul and div
};
// Real: float or double.
template <typename Real = float>
BinaryMultipliers<Real> binary_multipliers(BinaryOp op, float a_scale, float b_scale,
                                           float output_scale);

// t of the rule above; `a` and `b` have their zero points taken off.
template <typename Real>
Real binary_value(BinaryOp op, std::int32_t a, std::int32_t b,
                  const BinaryMultipliers<Real>& multipliers);

// y = x ≥ 0 ? x : slope·x. X = q − zp: t = Real(X)·(X ≥ 0 ? Mpositive : Mnegative) with
// Mpositive = Real(double(s_in)/s_out), Mnegative = Real(double(s_in)·slope/s_out).
template <typename Real>
struct PReluMultipliers {
  Real positive = 1;
  Real negative = 1;
};
template <typename Real = float>
PReluMultipliers<Real> prelu_multipliers(float input_scale, float slope, float output_scale) {
  const double in = input_scale;
  return {scale_ratio<Real>(input_scale, output_scale),
          static_cast<Real>(in * static_cast<double>(slope) / static_cast<double>(output_scale))};
}
template <typename Real>
Real prelu_value(std::int32_t x, const PReluMultipliers<Real>& multipliers) {
  return static_cast<Real>(x) * (x >= 0 ? multipliers.positive : multipliers.negative);
}

}  // namespace quant
