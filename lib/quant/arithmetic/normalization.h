// SPDX-License-Identifier: MIT
// Instance and layer normalization on integers: exact sums, moments in double, the elements in
// float32, or in double where input or output has 16 bits.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"

namespace quant {

// Σ and Σ² of X = q − zp stay inside int64 up to this many elements, at 8 and at 16 bits.
inline constexpr std::int64_t kMaxNormalizedElements = std::int64_t{1} << 23;

// mean = Real(double(S)/n); V = double(n·Q − S·S)/(double(n)·n), the numerator exact in 128 bits;
// inverse = Real(double(s_in)/sqrt(V·s_in·s_in + epsilon)), 0 where the root is 0. Real: RuleReal
// of input and output, float or double.
template <typename Real>
struct NormalizationMoments {
  Real mean = 0;
  Real inverse = 0;
};
template <typename Real = float>
NormalizationMoments<Real> normalization_moments(std::int64_t sum, std::int64_t sum_of_squares,
                                                 std::int64_t count, float input_scale,
                                                 double epsilon);

// gain = Real(double(gamma)/s_out), offset = Real(double(beta)/s_out).
template <typename Real>
struct NormalizationAffine {
  Real gain = 1;
  Real offset = 0;
};
template <typename Real = float>
NormalizationAffine<Real> normalization_affine(float gamma, float beta, float output_scale) {
  return {scale_ratio<Real>(gamma, output_scale), scale_ratio<Real>(beta, output_scale)};
}

// t = ((Real(X) − mean)·inverse)·gain + offset, every operation rounded to Real.
template <typename Real>
Real normalized_value(std::int32_t x, const NormalizationMoments<Real>& moments,
                      const NormalizationAffine<Real>& affine) {
  const Real centred = static_cast<Real>(x) - moments.mean;
  const Real unit = centred * moments.inverse;
  return unit * affine.gain + affine.offset;
}

}  // namespace quant
