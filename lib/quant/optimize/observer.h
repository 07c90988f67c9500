// SPDX-License-Identifier: MIT
// Watches one tensor over the calibration set and proposes the real range that its integers shall
// cover.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace quant {

enum class RangeMethod {
  kMinMax,      // everything seen
  kPercentile,  // cuts the same small share off both tails
  kMse,         // the cut with the least mean square error of 8-bit quantization
  kEntropy,     // the cut whose 8-bit histogram diverges least from the original (Kullback-Leibler)
};

const char* to_string(RangeMethod method);  // "min-max", "percentile", "mse", "entropy"
std::optional<RangeMethod> range_method_from_string(std::string_view name);

struct Range {
  float min = 0;
  float max = 0;
  bool operator==(const Range&) const = default;
};

// First pass: the extremes. One thread.
class MinMaxObserver {
 public:
  // Non-finite values are counted and left out of the range.
  void observe(std::span<const float> values);
  Range range() const { return {min_, max_}; }  // {0, 0} before anything finite was seen
  std::int64_t non_finite() const { return non_finite_; }

 private:
  float min_ = 0;
  float max_ = 0;
  bool seen_ = false;
  std::int64_t non_finite_ = 0;
};

// Second pass, for the methods that look at the distribution: counts in equal bins over the range
// of the first.
class HistogramObserver {
 public:
  static constexpr int kBins = 4096;

  explicit HistogramObserver(Range range);
  // Values outside the range count in the end bins.
  void observe(std::span<const float> values);

  Range range() const { return range_; }
  const std::vector<std::int64_t>& counts() const { return counts_; }

 private:
  Range range_;
  std::vector<std::int64_t> counts_;
};

// `percentile` in (50, 100], e.g. 99.999: (100 − percentile)/2 percent of the values lie outside at
// either end at most.
Range percentile_range(const HistogramObserver& histogram, double percentile);
// `low` percent of the values lie below the range at most, 100 − `high` above it.
Range percentile_range(const HistogramObserver& histogram, double low, double high);
// Least Σ counts·error², error = rounding within 2^bits levels of the range plus clipping outside
// it, over cuts of both ends (each in 1/64 steps of its half; zero stays inside).
Range mse_range(const HistogramObserver& histogram, int bits);
// Least Kullback-Leibler divergence Σ p·log(p/q) of the histogram p, what lies outside counted at
// the ends, from q, the same with the bins of each of 2^bits levels evened out; over symmetric cuts
// of what lies on both sides of zero, or of the far end (in 1/64 steps).
Range entropy_range(const HistogramObserver& histogram, int bits);

}  // namespace quant
