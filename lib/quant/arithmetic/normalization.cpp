// SPDX-License-Identifier: MIT
#include "quant/arithmetic/normalization.h"

#include <cmath>

namespace quant {

NormalizationMoments normalization_moments(std::int64_t sum, std::int64_t sum_of_squares,
                                           std::int64_t count, float input_scale, double epsilon) {
  const auto n = static_cast<double>(count);
  const double scale = input_scale;
  const double variance = static_cast<double>(count * sum_of_squares - sum * sum) / (n * n);
  const double deviation = std::sqrt(variance * scale * scale + epsilon);
  NormalizationMoments moments;
  moments.mean = static_cast<float>(static_cast<double>(sum) / n);
  moments.inverse = deviation > 0 ? static_cast<float>(scale / deviation) : 0;
  return moments;
}

NormalizationAffine normalization_affine(float gamma, float beta, float output_scale) {
  return {scale_ratio(gamma, output_scale), scale_ratio(beta, output_scale)};
}

}  // namespace quant
