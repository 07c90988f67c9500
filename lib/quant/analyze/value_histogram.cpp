// SPDX-License-Identifier: MIT
#include "quant/analyze/value_histogram.h"

#include <algorithm>
#include <cmath>

#include "quant/metrics/bin_indices.h"

namespace quant {
namespace {

constexpr int kRangeBins = 64;
constexpr double kUpperEight = 256;

// Indices of so many values are in the cache while they are counted.
constexpr std::size_t kBlock = 4096;
// Neighbours often fall into the same bin, and an increment has to wait for the last one's store.
constexpr std::size_t kTables = 4;

}  // namespace

StepHistogram::StepHistogram(int levels)
    : levels_(levels), width_(static_cast<double>(levels) / kRangeBins), counts_(kRangeBins, 0) {}

void StepHistogram::add(std::span<const float> values, double steps_per_value, double zero_point) {
  std::array<std::int32_t, kBlock> indices;
  while (!values.empty()) {
    const auto block = values.first(std::min(values.size(), kBlock));
    values = values.subspan(block.size());
    // Widths are powers of two: the product is the quotient. Half a step more in a position: a bin
    // begins where rounding to its first integer does.
    const BinRule rule{steps_per_value, zero_point, 1 / width_, first_,
                       static_cast<std::int32_t>(counts_.size())};
    bin_indices(block.data(), block.size(), rule, indices.data());
    std::array<std::array<std::uint32_t, kMostBins + 1>, kTables> tables = {};
    std::size_t counted = 0;
    for (; counted + kTables <= block.size(); counted += kTables) {
      for (std::size_t table = 0; table < kTables; ++table)
        ++tables[table][static_cast<std::uint32_t>(indices[counted + table])];
    }
    for (; counted < block.size(); ++counted)
      ++tables[0][static_cast<std::uint32_t>(indices[counted])];
    std::uint32_t outside = 0;
    for (const auto& table : tables) {
      outside += table[counts_.size()];
      for (std::size_t bin = 0; bin < counts_.size(); ++bin) counts_[bin] += table[bin];
    }
    for (std::size_t i = 0; outside > 0 && i < block.size(); ++i) {
      if (indices[i] != rule.bins) continue;
      add_outside(block[i] * steps_per_value + zero_point + 0.5);
      --outside;
    }
  }
}

// `position` in steps.
void StepHistogram::add_outside(double position) {
  if (!std::isfinite(position)) return;
  make_room(std::floor(position / width_));
  const auto bin = static_cast<std::int64_t>(std::floor(position / width_));
  ++counts_[static_cast<std::size_t>(bin - first_)];
}

void StepHistogram::make_room(double bin) {
  const auto low = [&] { return std::min(static_cast<double>(first_), bin); };
  const auto high = [&] {
    return std::max(static_cast<double>(first_) + static_cast<double>(counts_.size()) - 1, bin);
  };
  while (high() - low() >= kMostBins) {
    widen();
    bin = std::floor(bin / 2);
  }
  const auto size = static_cast<std::size_t>(high() - low() + 1);
  const auto before = static_cast<std::size_t>(static_cast<double>(first_) - low());
  first_ = static_cast<std::int64_t>(low());
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
