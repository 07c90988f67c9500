// SPDX-License-Identifier: MIT
#include "quant/arithmetic/accumulator.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace quant {
namespace {

constexpr std::int64_t kMostFloat64 = std::int64_t{1} << 53;

}  // namespace

bool accumulator_fits_int32(std::span<const std::int16_t> weights,
                            std::span<const std::int32_t> zero_points, std::int32_t input_max,
                            std::int64_t bias) {
  // Every term is 0 for q = zp, so a partial sum lies between the sum of all negative ends and the
  // sum of all positive ends.
  std::int64_t positive = std::max<std::int64_t>(bias, 0);
  std::int64_t negative = std::min<std::int64_t>(bias, 0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t zero_point = zero_points[zero_points.size() == 1 ? 0 : i];
    const std::int64_t weight = weights[i];
    const std::int64_t at_zero = weight * -zero_point;
    const std::int64_t at_max = weight * (input_max - zero_point);
    positive += std::max(at_zero, at_max);
    negative += std::min(at_zero, at_max);
  }
  return positive <= std::numeric_limits<std::int32_t>::max() &&
         negative >= std::numeric_limits<std::int32_t>::min();
}

bool accumulator_fits_float64(std::span<const std::int16_t> weights, std::int32_t input_max,
                              std::int64_t bias) {
  if (bias > kMostFloat64 || bias < -kMostFloat64) return false;
  std::int64_t magnitude = std::abs(bias);
  for (const std::int16_t weight : weights) {
    magnitude += std::int64_t{2} * std::abs(std::int32_t{weight}) * input_max;
    if (magnitude > kMostFloat64) return false;
  }
  return true;
}

bool sum_fits_int32(std::int64_t count, std::int64_t max_term) {
  return max_term == 0 || count <= std::numeric_limits<std::int32_t>::max() / max_term;
}

bool sum_fits_float64(std::int64_t count, std::int64_t max_term) {
  return max_term == 0 || count <= kMostFloat64 / max_term;
}

}  // namespace quant
