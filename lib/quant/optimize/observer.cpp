// SPDX-License-Identifier: MIT
#include "quant/optimize/observer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quant {
namespace {

double bin_width(const HistogramObserver& histogram) {
  return (static_cast<double>(histogram.range().max) - histogram.range().min) /
         HistogramObserver::kBins;
}

}  // namespace

const char* to_string(RangeMethod method) {
  switch (method) {
    case RangeMethod::kMinMax:
      return "min-max";
    case RangeMethod::kPercentile:
      return "percentile";
    case RangeMethod::kMse:
      return "mse";
    case RangeMethod::kEntropy:
      return "entropy";
  }
  return "unknown";
}

std::optional<RangeMethod> range_method_from_string(std::string_view name) {
  for (const RangeMethod method :
       {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse, RangeMethod::kEntropy}) {
    if (name == to_string(method)) return method;
  }
  return std::nullopt;
}

void MinMaxObserver::observe(std::span<const float> values) {
  float low = std::numeric_limits<float>::infinity();
  float high = -low;
  std::int64_t finite = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    ++finite;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  non_finite_ += static_cast<std::int64_t>(values.size()) - finite;
  if (finite == 0) return;
  min_ = seen_ ? std::min(min_, low) : low;
  max_ = seen_ ? std::max(max_, high) : high;
  seen_ = true;
}

HistogramObserver::HistogramObserver(Range range) : range_(range), counts_(kBins, 0) {}

void HistogramObserver::observe(std::span<const float> values) {
  const float width = (range_.max - range_.min) / static_cast<float>(kBins);
  if (!(width > 0)) return;
  const float inverse = 1.0F / width;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    const float position = (value - range_.min) * inverse;
    const int bin = std::clamp(
        static_cast<int>(std::clamp(position, 0.0F, static_cast<float>(kBins))), 0, kBins - 1);
    ++counts_[static_cast<std::size_t>(bin)];
  }
}

Range percentile_range(const HistogramObserver& histogram, double percentile) {
  const double tail = (100.0 - percentile) / 2;
  return percentile_range(histogram, tail, 100.0 - tail);
}

Range percentile_range(const HistogramObserver& histogram, double low_share, double high_share) {
  const auto& counts = histogram.counts();
  double total = 0;
  for (const std::int64_t count : counts) total += static_cast<double>(count);
  if (total == 0) return histogram.range();
  const double low_tail = total * low_share / 100.0;
  const double high_tail = total * (100.0 - high_share) / 100.0;
  const double width = bin_width(histogram);
  std::size_t low = 0;
  for (double below = static_cast<double>(counts[0]);
       below <= low_tail && low + 1 < counts.size();) {
    below += static_cast<double>(counts[++low]);
  }
  std::size_t high = counts.size() - 1;
  for (double above = static_cast<double>(counts[high]); above <= high_tail && high > low;) {
    above += static_cast<double>(counts[--high]);
  }
  return {static_cast<float>(histogram.range().min + static_cast<double>(low) * width),
          static_cast<float>(histogram.range().min + static_cast<double>(high + 1) * width)};
}

Range mse_range(const HistogramObserver& histogram, int bits) {
  constexpr int kSteps = 64;
  const double low_end = std::min(0.0, static_cast<double>(histogram.range().min));
  const double high_end = std::max(0.0, static_cast<double>(histogram.range().max));
  const double width = bin_width(histogram);
  if (width <= 0) return histogram.range();
  const auto& counts = histogram.counts();
  const double levels = std::ldexp(1.0, bits) - 1;

  // Σ counts·(distance beyond a cut)² for every cut of one end, by one walk over the bins.
  const auto clipping = [&](double cut, bool upper) {
    double error = 0;
    for (std::size_t bin = 0; bin < counts.size(); ++bin) {
      const double centre = histogram.range().min + (static_cast<double>(bin) + 0.5) * width;
      const double beyond = upper ? centre - cut : cut - centre;
      if (beyond > 0) error += static_cast<double>(counts[bin]) * beyond * beyond;
    }
    return error;
  };
  const auto cut_of = [](double end, int step) { return end * (kSteps - step) / kSteps; };
  std::vector<double> low_error(kSteps);
  std::vector<double> high_error(kSteps);
  double total = 0;
  for (const std::int64_t count : counts) total += static_cast<double>(count);
  for (int step = 0; step < kSteps; ++step) {
    low_error[static_cast<std::size_t>(step)] = clipping(cut_of(low_end, step), false);
    high_error[static_cast<std::size_t>(step)] = clipping(cut_of(high_end, step), true);
  }
  double best = std::numeric_limits<double>::infinity();
  Range range = histogram.range();
  const int low_steps = low_end < 0 ? kSteps : 1;
  const int high_steps = high_end > 0 ? kSteps : 1;
  for (int low = 0; low < low_steps; ++low) {
    for (int high = 0; high < high_steps; ++high) {
      const double step = (cut_of(high_end, high) - cut_of(low_end, low)) / levels;
      // Uniform rounding error has the variance step²/12.
      const double error = total * step * step / 12 + low_error[static_cast<std::size_t>(low)] +
                           high_error[static_cast<std::size_t>(high)];
      if (error < best) {
        best = error;
        range = {static_cast<float>(cut_of(low_end, low)),
                 static_cast<float>(cut_of(high_end, high))};
      }
    }
  }
  return range;
}

namespace {

// Σ p·log(p/q) for the bins [first, last) kept and the rest counted at the nearest of them.
double divergence(const std::vector<std::int64_t>& counts, std::size_t first, std::size_t last,
                  std::size_t levels) {
  std::vector<double> clipped(counts.begin() + static_cast<std::ptrdiff_t>(first),
                              counts.begin() + static_cast<std::ptrdiff_t>(last));
  double total = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const auto count = static_cast<double>(counts[bin]);
    total += count;
    if (bin < first) clipped.front() += count;
    if (bin >= last) clipped.back() += count;
  }
  double sum = 0;
  double kept = 0;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::size_t begin = level * clipped.size() / levels;
    const std::size_t end = (level + 1) * clipped.size() / levels;
    double inside = 0;  // without what was cut: levels do not know of it
    double occupied = 0;
    for (std::size_t i = begin; i < end; ++i) {
      inside += static_cast<double>(counts[first + i]);
      occupied += clipped[i] > 0 ? 1 : 0;
    }
    for (std::size_t i = begin; i < end; ++i) {
      if (clipped[i] <= 0) continue;
      // A level that holds nothing but cut values: as unlikely as one value.
      const double even = std::max(inside / occupied, 1.0 / static_cast<double>(counts.size()));
      sum += clipped[i] / total * std::log(clipped[i] / even);
    }
    kept += inside;
  }
  return sum + std::log(std::max(kept, 1.0) / total);
}

}  // namespace

Range entropy_range(const HistogramObserver& histogram, int bits) {
  constexpr int kSteps = 64;
  const auto& counts = histogram.counts();
  const double width = bin_width(histogram);
  if (width <= 0) return histogram.range();
  const double low_end = histogram.range().min;
  const double high_end = histogram.range().max;
  const double reach = std::max(std::abs(low_end), std::abs(high_end));
  const auto levels = static_cast<std::size_t>(1) << bits;
  const auto bin_of = [&](double value) {
    return static_cast<std::size_t>(
        std::clamp((value - low_end) / width, 0.0, static_cast<double>(counts.size())));
  };
  double least = std::numeric_limits<double>::infinity();
  Range best = histogram.range();
  for (int step = kSteps; step > 0; --step) {
    const double limit = reach * step / kSteps;
    const std::size_t first = bin_of(-limit);
    const std::size_t last = bin_of(limit);
    if (last < first + levels) break;
    const double found = divergence(counts, first, last, levels);
    if (found >= least) continue;
    least = found;
    best = {static_cast<float>(std::max(low_end, -limit)),
            static_cast<float>(std::min(high_end, limit))};
  }
  return best;
}

}  // namespace quant
