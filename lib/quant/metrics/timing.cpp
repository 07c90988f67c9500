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
  const std::size_t rank95 = (count * 95 + 99) / 100;  // counted from 1
  return {.count = count,
          .min_ms = sorted.front(),
          .median_ms = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2,
          .p95_ms = sorted[rank95 - 1]};
}

}  // namespace quant
