// SPDX-License-Identifier: MIT
// Order statistics of measured times.
#include "quant/metrics/timing.h"

#include <algorithm>
#include <vector>

namespace quant {

TimingSummary summarize_timings(std::span<const double> milliseconds) {
  if (milliseconds.empty()) return {};
  std::vector<double> sorted(milliseconds.begin(), milliseconds.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t count = sorted.size();
  const auto percentile = [&](std::size_t percent) {
    return sorted[(count * percent + 99) / 100 - 1];  // ranks count from 1
  };
  return {.count = count,
          .min_ms = sorted.front(),
          .median_ms = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
          .p95_ms = percentile(95),
          .p99_ms = percentile(99)};
}

}  // namespace quant
