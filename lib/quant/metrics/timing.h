// SPDX-License-Identifier: MIT
// What a series of measured times says: order statistics, since a machine with neighbours makes
// outliers in one direction only.
#pragma once

#include <cstddef>
#include <span>

namespace quant {

struct TimingSummary {
  std::size_t count = 0;
  double min_ms = 0;
  double median_ms = 0;  // mean of the middle two where their number is even
  double p95_ms = 0;     // the smallest value that at least 95 % do not exceed (nearest rank)
  double p99_ms = 0;     // likewise of 99 %

  // Frames per second at the median; 0 where nothing was measured.
  double fps() const { return median_ms > 0 ? 1000 / median_ms : 0; }
};

// Milliseconds in any order. All zero where there are none.
TimingSummary summarize_timings(std::span<const double> milliseconds);

}  // namespace quant
