// SPDX-License-Identifier: MIT
// Instance and layer normalization on integers: exact sums, moments in double, the elements in
// float32.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"

namespace quant {

// Σ and Σ² of X = q − zp stay exact, and n·ΣX² − (ΣX)² inside int64, up to this many elements.
inline constexpr std::int64_t kMaxNormalizedElements = std::int64_t{1} << 23;

// mean = float32(double(S)/n); V = double(n·Q − S·S)/(double(n)·n) (the numerator exact in int64);
// inverse = float32(double(s_in)/sqrt(V·s_in·s_in + epsilon)), 0 where the root is 0.
struct NormalizationMoments {
  float mean = 0;
  float inverse = 0;
};
NormalizationMoments normalization_moments(std::int64_t sum, std::int64_t sum_of_squares,
                                           std::int64_t count, float input_scale, double epsilon);

// gain = float32(double(gamma)/s_out), offset = float32(double(beta)/s_out).
struct NormalizationAffine {
  float gain = 1;
  float offset = 0;
};
NormalizationAffine normalization_affine(float gamma, float beta, float output_scale);

// t = ((float(X) − mean)·inverse)·gain + offset, every operation rounded to float32.
inline float normalized_value(std::int32_t x, const NormalizationMoments& moments,
                              const NormalizationAffine& affine) {
  const float centred = static_cast<float>(x) - moments.mean;
  const float unit = centred * moments.inverse;
  return unit * affine.gain + affine.offset;
}

}  // namespace quant
