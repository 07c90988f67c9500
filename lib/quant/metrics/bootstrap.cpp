// SPDX-License-Identifier: MIT
#include "quant/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace quant {
namespace {

// 0 … count − 1. The library's own distributions differ from one implementation to the next; the
// remainder prefers small numbers by count/2^64.
std::size_t draw(std::mt19937_64& generator, std::size_t count) {
  return static_cast<std::size_t>(generator() % count);
}

// Precondition: sorted, not empty.
double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - std::floor(place)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<std::optional<Interval>> paired_differences(std::size_t images,
                                                        std::span<const ResampledFigure> figures,
                                                        const BootstrapOptions& options) {
  if (figures.empty()) return {};
  std::vector<std::optional<Interval>> intervals(figures.size() - 1);
  if (images < 2 || intervals.empty()) return intervals;
  std::mt19937_64 generator(options.seed);
  std::vector<std::uint32_t> weights(images);
  std::vector<std::vector<double>> differences(intervals.size());
  for (int i = 0; i < options.resamples; ++i) {
    std::fill(weights.begin(), weights.end(), 0U);
    for (std::size_t k = 0; k < images; ++k) ++weights[draw(generator, images)];
    const std::optional<double> reference = figures.front()(weights);
    if (!reference) continue;
    for (std::size_t f = 0; f < intervals.size(); ++f)
      if (const std::optional<double> figure = figures[f + 1](weights))
        differences[f].push_back(*figure - *reference);
  }
  for (std::size_t f = 0; f < intervals.size(); ++f) {
    std::vector<double>& sorted = differences[f];
    if (sorted.empty()) continue;
    std::sort(sorted.begin(), sorted.end());
    const double tail = (1 - options.confidence) / 2;
    intervals[f] = Interval{quantile(sorted, tail), quantile(sorted, 1 - tail)};
  }
  return intervals;
}

}  // namespace quant
