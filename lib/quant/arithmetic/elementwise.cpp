// SPDX-License-Identifier: MIT
#include "quant/arithmetic/elementwise.h"

#include <algorithm>
#include <limits>

namespace quant {

template <typename Real>
BinaryMultipliers<Real> binary_multipliers(BinaryOp op, float a_scale, float b_scale,
                                           float output_scale) {
  const double a = a_scale;
  const double b = b_scale;
  const double out = output_scale;
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMin:
    case BinaryOp::kMax:
      return {static_cast<Real>(a / out), static_cast<Real>(b / out)};
    case BinaryOp::kMul:
      return {static_cast<Real>(a * b / out), 0};
    case BinaryOp::kDiv:
      return {static_cast<Real>(a / (b * out)), 0};
  }
  return {};
}

template <typename Real>
Real binary_value(BinaryOp op, std::int32_t a, std::int32_t b,
                  const BinaryMultipliers<Real>& multipliers) {
  constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
  const auto ra = static_cast<Real>(a);
  const auto rb = static_cast<Real>(b);
  switch (op) {
    case BinaryOp::kAdd:
      return ra * multipliers.a + rb * multipliers.b;
    case BinaryOp::kSub:
      return ra * multipliers.a - rb * multipliers.b;
    case BinaryOp::kMin:
      return std::min(ra * multipliers.a, rb * multipliers.b);
    case BinaryOp::kMax:
      return std::max(ra * multipliers.a, rb * multipliers.b);
    case BinaryOp::kMul:
      return static_cast<Real>(std::int64_t{a} * b) * multipliers.a;
    case BinaryOp::kDiv:
      if (b == 0) return a == 0 ? 0 : (a > 0 ? kInfinity : -kInfinity);
      return ra * multipliers.a / rb;
  }
  return 0;
}

template BinaryMultipliers<float> binary_multipliers(BinaryOp, float, float, float);
template BinaryMultipliers<double> binary_multipliers(BinaryOp, float, float, float);
template float binary_value(BinaryOp, std::int32_t, std::int32_t, const BinaryMultipliers<float>&);
template double binary_value(BinaryOp, std::int32_t, std::int32_t,
                             const BinaryMultipliers<double>&);

}  // namespace quant
