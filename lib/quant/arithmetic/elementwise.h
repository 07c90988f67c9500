// SPDX-License-Identifier: MIT
// Element-wise arithmetic of two quantized tensors. Normative; the order of operations is part of
// the rule.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"

namespace quant {

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kMin, kMax };

// With A = q_a − zp_a and B = q_b − zp_b, both exact, and t in units of the output's scale
// (float32, each operation rounded once, nothing fused):
//   add  t = float(A)·Ma + float(B)·Mb     Ma = float32(double(s_a)/s_out), Mb =
//   float32(double(s_b)/s_out) sub  t = float(A)·Ma − float(B)·Mb min  t = the lesser of
//   float(A)·Ma and float(B)·Mb; max: the greater mul  t = float(A·B)·Ma                 Ma =
//   float32(double(s_a)·s_b/s_out) div  t = (float(A)·Ma) / float(B)      Ma =
//   float32(double(s_a)/(double(s_b)·s_out));
//        B = 0: +∞ for A > 0, −∞ for A < 0 (the output saturates), 0 for A = 0
// and the output is round_to_output(t).
struct BinaryMultipliers {
  float a = 1;
  float b = 1;  // 0 for mul and div
};
BinaryMultipliers binary_multipliers(BinaryOp op, float a_scale, float b_scale, float output_scale);

// t of the rule above; `a` and `b` have their zero points taken off.
float binary_value(BinaryOp op, std::int32_t a, std::int32_t b,
                   const BinaryMultipliers& multipliers);

// y = x ≥ 0 ? x : slope·x. X = q − zp: t = float(X)·(X ≥ 0 ? Mpositive : Mnegative) with
// Mpositive = float32(double(s_in)/s_out), Mnegative = float32(double(s_in)·slope/s_out).
struct PReluMultipliers {
  float positive = 1;
  float negative = 1;
};
PReluMultipliers prelu_multipliers(float input_scale, float slope, float output_scale);
inline float prelu_value(std::int32_t x, const PReluMultipliers& multipliers) {
  return static_cast<float>(x) * (x >= 0 ? multipliers.positive : multipliers.negative);
}

}  // namespace quant
