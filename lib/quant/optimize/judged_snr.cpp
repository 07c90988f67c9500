// SPDX-License-Identifier: MIT
#include "quant/optimize/judged_snr.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "quant/metrics/bootstrap.h"

namespace quant {

std::optional<JudgedSnr> judge_snr(std::span<const NoiseEnergies> frames) {
  const auto pooled_db = [&](std::span<const std::uint32_t> weights) -> std::optional<double> {
    double signal = 0;
    double noise = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      signal += weights[i] * frames[i].signal;
      noise += weights[i] * frames[i].noise;
    }
    if (signal <= 0) return std::nullopt;
    constexpr double kExact = 1e-15;  // an exact output: 150 dB
    return -10 * std::log10(std::max(noise / signal, kExact));
  };
  const std::vector<std::uint32_t> once(frames.size(), 1);
  const auto db = pooled_db(once);
  if (!db) return std::nullopt;
  JudgedSnr result{*db, *db};
  // Both tails together: 5 % lie below the lower end.
  BootstrapOptions options;
  options.confidence = 0.9;
  const std::array<ResampledFigure, 2> figures = {[](auto) { return 0.0; }, pooled_db};
  const auto interval = paired_differences(frames.size(), figures, options).front();
  if (interval) result.least_db = std::min(result.db, interval->low);
  return result;
}

}  // namespace quant
