// SPDX-License-Identifier: MIT
#include "quant/arithmetic/elementwise.h"

#include <algorithm>
#include <limits>

namespace quant {

BinaryMultipliers binary_multipliers(BinaryOp op, float a_scale, float b_scale,
                                     float output_scale) {
  const double a = a_scale;
  const double b = b_scale;
  const double out = output_scale;
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMin:
    case BinaryOp::kMax:
      return {static_cast<float>(a / out), static_cast<float>(b / out)};
    case BinaryOp::kMul:
      return {static_cast<float>(a * b / out), 0};
    case BinaryOp::kDiv:
      return {static_cast<float>(a / (b * out)), 0};
  }
  return {};
}

float binary_value(BinaryOp op, std::int32_t a, std::int32_t b,
                   const BinaryMultipliers& multipliers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto fa = static_cast<float>(a);
  const auto fb = static_cast<float>(b);
  switch (op) {
    case BinaryOp::kAdd:
      return fa * multipliers.a + fb * multipliers.b;
    case BinaryOp::kSub:
      return fa * multipliers.a - fb * multipliers.b;
    case BinaryOp::kMin:
      return std::min(fa * multipliers.a, fb * multipliers.b);
    case BinaryOp::kMax:
      return std::max(fa * multipliers.a, fb * multipliers.b);
    case BinaryOp::kMul:
      return static_cast<float>(a * b) * multipliers.a;
    case BinaryOp::kDiv:
      if (b == 0) return a == 0 ? 0 : (a > 0 ? kInfinity : -kInfinity);
      return fa * multipliers.a / fb;
  }
  return 0;
}

PReluMultipliers prelu_multipliers(float input_scale, float slope, float output_scale) {
  const double in = input_scale;
  return {scale_ratio(input_scale, output_scale),
          static_cast<float>(in * static_cast<double>(slope) / static_cast<double>(output_scale))};
}

}  // namespace quant
