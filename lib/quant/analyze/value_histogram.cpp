// SPDX-License-Identifier: MIT
#include "quant/analyze/value_histogram.h"

#include <algorithm>
#include <cmath>

#include "quant/metrics/bin_counts.h"

namespace quant {
namespace {

constexpr int kRangeBins = 64;
constexpr double kUpperEight = 256;

}  // namespace

StepHistogram::StepHistogram(int levels)
    : levels_(levels), width_(static_cast<double>(levels) / kRangeBins), counts_(kRangeBins, 0) {}

void StepHistogram::add(std::span<const float> values, double steps_per_value, double zero_point) {
  const auto count = [&] {
    // Widths are powers of two: the product is the quotient. Half a step more in a position: a bin
    // begins where rounding to its first integer does.
    return count_bins(values, {steps_per_value, zero_point, 1 / width_, first_,
                               static_cast<std::int32_t>(counts_.size())});
  };
  BinCounts found = count();
  while (found.lowest < 0 || found.highest >= static_cast<double>(counts_.size())) {
    make_room(found);
    found = count();
  }
  for (std::size_t bin = 0; bin < counts_.size(); ++bin)
    counts_[bin] += static_cast<std::int64_t>(found.inside[bin]);
}

void StepHistogram::make_room(const BinCounts& found) {
  const auto first = static_cast<double>(first_);
  double low = first + std::min(found.lowest, 0.0);
  double high = first + std::max(found.highest, static_cast<double>(counts_.size()) - 1);
  while (high - low >= kMostBins) {
    widen();
    low = std::floor(low / 2);
    high = std::floor(high / 2);
  }
  const auto size = static_cast<std::size_t>(high - low + 1);
  const auto before = static_cast<std::size_t>(static_cast<double>(first_) - low);
  first_ = static_cast<std::int64_t>(low);
  counts_.insert(counts_.begin(), before, 0);
  counts_.resize(size, 0);
}

void StepHistogram::widen() {
  const auto half = [](std::int64_t bin) { return bin >> 1; };  // towards minus infinity
  const std::int64_t first = half(first_);
  const std::int64_t last = half(first_ + static_cast<std::int64_t>(counts_.size()) - 1);
  std::vector<std::int64_t> wider(static_cast<std::size_t>(last - first + 1), 0);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::int64_t bin = half(first_ + static_cast<std::int64_t>(i)) - first;
    wider[static_cast<std::size_t>(bin)] += counts_[i];
  }
  width_ *= 2;
  first_ = first;
  counts_ = std::move(wider);
}

ValueHistogram StepHistogram::finish(const QuantParams& params,
                                     const std::array<std::int64_t, 256>& integers) const {
  ValueHistogram histogram;
  const double scale = params.scale[0];
  histogram.width = width_ * scale;
  histogram.from =
      (static_cast<double>(first_) * width_ - 0.5 - static_cast<double>(params.zero_point[0])) *
      scale;
  histogram.native = counts_;
  histogram.quantized.assign(counts_.size(), 0);
  const double units = width_ * kUpperEight / levels_;  // upper eight bits in a bin
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const auto bin = static_cast<std::int64_t>(static_cast<double>(i) / units) - first_;
    histogram.quantized[static_cast<std::size_t>(bin)] += integers[i];
  }
  return histogram;
}

}  // namespace quant
