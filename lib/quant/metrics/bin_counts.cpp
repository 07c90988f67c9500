// SPDX-License-Identifier: MIT
// Positions are worked out in float first. Where one is too near an edge to say on which side the
// rule's doubles lie, they are worked out as the rule says.
#include "quant/metrics/bin_counts.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/metrics/bin_counts.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef QUANT_METRICS_BIN_COUNTS_ONCE
#define QUANT_METRICS_BIN_COUNTS_ONCE
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace quant {
namespace {

constexpr std::size_t kLanes = 16;

// Neighbours often fall into the same bin, and an increment has to wait for the last one's store.
constexpr std::size_t kTables = 8;

// A count in progress.
struct Tally {
  std::array<std::array<std::uint32_t, BinRule::kMostBins + 1>, kTables> tables = {};
  double lowest = 0;
  double highest = 0;
};
// A table's entry cannot overflow.
constexpr std::size_t kBlock = std::size_t{1} << 30;

// The bin of each value is floor(value · scale + offset), in float, wherever that is less than
// `sure` from the middle of a bin.
struct QuickRule {
  float scale = 0;
  float offset = 0;
  float sure = -1;  // never

  explicit QuickRule(const BinRule& rule) {
    const double zero = (rule.zero_point + 0.5) * rule.bins_per_step;
    scale = static_cast<float>(rule.steps_per_value * rule.bins_per_step);
    offset = static_cast<float>(zero - static_cast<double>(rule.first));
    if (!std::isnormal(scale) || !std::isfinite(offset)) return;
    // For a position y inside the bins |value · scale| ≤ y + |offset|. Rounding scale, offset, the
    // product and the sum moves y by less than 3 · 2^-24 · (y + |offset|), and rounding doubles by
    // far less of that and of `zero`. The bound is 4 · 2^-24.
    const double margin = std::ldexp(rule.bins + std::fabs(offset) + std::fabs(zero), -22);
    sure = static_cast<float>(0.5 - margin);
  }
};

void count_one(float value, const BinRule& rule, Tally& tally) {
  const double position =
      (value * rule.steps_per_value + rule.zero_point + 0.5) * rule.bins_per_step;
  const double bin = std::floor(position) - static_cast<double>(rule.first);
  if (std::isfinite(bin)) {
    tally.lowest = std::min(tally.lowest, bin);
    tally.highest = std::max(tally.highest, bin);
  }
  const bool inside = bin >= 0 && bin < rule.bins;
  ++tally.tables[0][static_cast<std::size_t>(inside ? bin : rule.bins)];
}

}  // namespace
}  // namespace quant
#endif  // QUANT_METRICS_BIN_COUNTS_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// As the rule says, of a whole number of vectors.
void BinIndices(const float* values, std::size_t count, const BinRule& rule, std::int32_t* indices,
                Tally& tally) {
  const hn::CappedTag<double, kLanes / 2> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const hn::Rebind<std::int32_t, decltype(d)> integers;
  const auto steps = hn::Set(d, rule.steps_per_value);
  const auto zero_point = hn::Set(d, rule.zero_point);
  const auto half = hn::Set(d, 0.5);
  const auto scale = hn::Set(d, rule.bins_per_step);
  const auto first = hn::Set(d, static_cast<double>(rule.first));
  const auto bins = hn::Set(d, static_cast<double>(rule.bins));
  const auto largest = hn::Set(d, std::numeric_limits<double>::max());
  auto lowest = hn::Zero(d);
  auto highest = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto value = hn::PromoteTo(d, hn::LoadU(narrow, values + i));
    const auto step = hn::Add(hn::Add(hn::Mul(value, steps), zero_point), half);
    const auto bin = hn::Sub(hn::Floor(hn::Mul(step, scale)), first);
    // Comparisons with NaN are false.
    const auto finite = hn::IfThenElseZero(hn::Le(hn::Abs(bin), largest), bin);
    lowest = hn::Min(lowest, finite);
    highest = hn::Max(highest, finite);
    const auto inside = hn::And(hn::Ge(bin, hn::Zero(d)), hn::Lt(bin, bins));
    hn::StoreU(hn::DemoteTo(integers, hn::IfThenElse(inside, bin, bins)), integers, indices + i);
  }
  tally.lowest = std::min(tally.lowest, hn::GetLane(hn::MinOfLanes(d, lowest)));
  tally.highest = std::max(tally.highest, hn::GetLane(hn::MaxOfLanes(d, highest)));
}

// Returns how many values have been counted: those of whole vectors.
std::size_t CountVectors(const float* values, std::size_t count, const BinRule& rule,
                         Tally& tally) {
  const hn::CappedTag<float, kLanes> d;
  const hn::RebindToSigned<decltype(d)> integers;
  const std::size_t width = hn::Lanes(d);
  const QuickRule quick(rule);
  const auto scale = hn::Set(d, quick.scale);
  const auto offset = hn::Set(d, quick.offset);
  const auto sure = hn::Set(d, quick.sure);
  const auto half = hn::Set(d, 0.5F);
  const auto bins = hn::Set(d, static_cast<float>(rule.bins));
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  HWY_ALIGN std::int32_t indices[kLanes];
  // How often the vector before came by with these bins: few values take turns in many outputs, as
  // those of "nothing here" do.
  std::uint32_t times = 0;
  auto before = hn::Set(integers, rule.bins);
  const auto add = [&] {
    HWY_ALIGN std::uint8_t lanes[kLanes];
    hn::Store(hn::DemoteTo(bytes, before), bytes, lanes);
    // Eight bins in a register cost less than a load for each.
    constexpr std::size_t kWord = std::min<std::size_t>(hn::MaxLanes(d), sizeof(std::uint64_t));
    for (std::size_t from = 0; from < width; from += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, lanes + from, kWord);
#pragma GCC unroll 8
      for (std::size_t lane = 0; lane < kWord; ++lane, word >>= 8)
        tally.tables[lane % kTables][word & 0xff] += times;
    }
  };
  std::size_t i = 0;
  for (; i + width <= count; i += width) {
    const auto position = hn::MulAdd(hn::LoadU(d, values + i), scale, offset);
    const auto bin = hn::Floor(position);
    const auto from_middle = hn::Abs(hn::Sub(hn::Sub(position, bin), half));
    const auto inside = hn::And(hn::Ge(bin, hn::Zero(d)), hn::Lt(bin, bins));
    auto index = hn::ConvertTo(integers, bin);
    if (!hn::AllTrue(d, hn::And(inside, hn::Lt(from_middle, sure)))) {
      BinIndices(values + i, width, rule, indices, tally);
      index = hn::Load(integers, indices);
    }
    if (!hn::AllTrue(integers, hn::Eq(index, before))) {
      add();
      times = 0;
      before = index;
    }
    ++times;
  }
  add();
  return i;
}

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(CountVectors);

BinCounts count_bins(std::span<const float> values, const BinRule& rule) {
  BinCounts counts;
  const auto bins = static_cast<std::size_t>(rule.bins);
  while (!values.empty()) {
    const auto block = values.first(std::min(values.size(), kBlock));
    values = values.subspan(block.size());
    Tally tally;
    const std::size_t counted =
        HWY_DYNAMIC_DISPATCH(CountVectors)(block.data(), block.size(), rule, tally);
    for (const float value : block.subspan(counted)) count_one(value, rule, tally);
    for (const auto& table : tally.tables) {
      for (std::size_t bin = 0; bin < bins; ++bin) counts.inside[bin] += table[bin];
      counts.outside += table[bins];
    }
    counts.lowest = std::min(counts.lowest, tally.lowest);
    counts.highest = std::max(counts.highest, tally.highest);
  }
  return counts;
}

}  // namespace quant
#endif  // HWY_ONCE
