// SPDX-License-Identifier: MIT
#include "quant/arithmetic/normalization.h"

#include <cmath>

namespace quant {

template <typename Real>
NormalizationMoments<Real> normalization_moments(std::int64_t sum, std::int64_t sum_of_squares,
                                                 std::int64_t count, float input_scale,
                                                 double epsilon) {
  __extension__ using Wide = __int128;
  const auto n = static_cast<double>(count);
  const double scale = input_scale;
  const auto numerator = static_cast<double>(Wide{count} * sum_of_squares - Wide{sum} * sum);
  const double variance = numerator / (n * n);
  const double deviation = std::sqrt(variance * scale * scale + epsilon);
  NormalizationMoments<Real> moments;
  moments.mean = static_cast<Real>(static_cast<double>(sum) / n);
  moments.inverse = deviation > 0 ? static_cast<Real>(scale / deviation) : 0;
  return moments;
}

template NormalizationMoments<float> normalization_moments(std::int64_t, std::int64_t, std::int64_t,
                                                           float, double);
template NormalizationMoments<double> normalization_moments(std::int64_t, std::int64_t,
                                                            std::int64_t, float, double);

}  // namespace quant
