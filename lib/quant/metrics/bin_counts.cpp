// SPDX-License-Identifier: MIT
// Positions are worked out in float first. Where one is too near an edge to say on which side the
// rule's doubles lie, they are worked out as the rule says.
//
// Counting costs one store a value, and a processor makes one a cycle. Two values in 64 bins are
// one of 4096 pairs, and a pair is one store.
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

// 512 bits gain nothing (measured on Zen 4).
constexpr std::size_t kLanes = 8;

constexpr int kWindowBits = 6;
constexpr int kWindow = 1 << kWindowBits;  // bins that are counted in pairs
constexpr std::size_t kPairs = std::size_t{kWindow} * kWindow;
// Equal pairs often follow each other, and an increment has to wait for the last one's store.
constexpr std::size_t kTables = 4;

// A count in progress.
struct Tally {
  alignas(64) std::array<std::array<std::uint16_t, kPairs>, kTables> pairs = {};
  std::array<std::uint32_t, BinRule::kMostBins + 1> single = {};
  double lowest = 0;
  double highest = 0;
};
// Sixteen bits count all of its pairs.
constexpr std::size_t kBlock = (std::size_t{1} << 17) - 64;

// Positions in the window are whole numbers of 2^-16 bins. The float of such a number plus 2^23
// has it in its last bits.
constexpr int kFractionBits = 16;
constexpr float kMagic = 0x1p23F;
constexpr std::uint32_t kMagicBits = 0x4B000000;

// What float arithmetic can say of a position: value · scale + offset is kMagic more. It is inside
// the window where it is `last` at most, and in the bin that it names unless that bin begins or
// ends less than `margin` from it.
struct QuickRule {
  std::int32_t window = 0;  // the window's first bin
  float scale = 0;
  float offset = 0;
  // Nothing is in the window: position 0 is where a bin begins.
  std::uint32_t last = 0;
  std::uint32_t margin = 1;

  explicit QuickRule(const BinRule& rule) {
    // From position 0 on where there are bins: there StepHistogram's integers lie.
    const std::int64_t latest = std::max(rule.bins - kWindow, 0);
    window = static_cast<std::int32_t>(std::clamp<std::int64_t>(-rule.first, 0, latest));
    const double zero = (rule.zero_point + 0.5) * rule.bins_per_step;
    const double start = zero - static_cast<double>(rule.first + window);
    scale =
        static_cast<float>(std::ldexp(rule.steps_per_value * rule.bins_per_step, kFractionBits));
    offset = static_cast<float>(std::ldexp(start, kFractionBits) + kMagic);
    if (rule.bins == 0 || !std::isnormal(scale) || !std::isfinite(offset)) return;
    // In the window |value · scale| is at most 2^16 · (64 + |start|). Rounding scale, product and
    // offset moves a position by less than 3 · 2^-24 of that, rounding doubles by far less of that
    // and of `zero`, and rounding offset and sum to whole numbers by less than 1. The bound is
    // 4 · 2^-24 and 2.
    const double bound =
        std::ldexp(kWindow + std::fabs(start) + std::fabs(zero), kFractionBits - 22) + 2;
    if (bound >= std::ldexp(0.5, kFractionBits)) return;
    margin = static_cast<std::uint32_t>(std::ceil(bound));
    last = (static_cast<std::uint32_t>(std::min(rule.bins, kWindow)) << kFractionBits) - 1;
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
  ++tally.single[static_cast<std::size_t>(inside ? bin : rule.bins)];
}

}  // namespace
}  // namespace quant
#endif  // QUANT_METRICS_BIN_COUNTS_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// As the rule says, of a whole number of vectors.
HWY_NOINLINE void CountSlowly(const float* values, std::size_t count, const BinRule& rule,
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
  HWY_ALIGN std::int32_t indices[kLanes / 2];
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto value = hn::PromoteTo(d, hn::LoadU(narrow, values + i));
    const auto step = hn::Add(hn::Add(hn::Mul(value, steps), zero_point), half);
    const auto bin = hn::Sub(hn::Floor(hn::Mul(step, scale)), first);
    // Comparisons with NaN are false.
    const auto finite = hn::IfThenElseZero(hn::Le(hn::Abs(bin), largest), bin);
    lowest = hn::Min(lowest, finite);
    highest = hn::Max(highest, finite);
    const auto inside = hn::And(hn::Ge(bin, hn::Zero(d)), hn::Lt(bin, bins));
    hn::Store(hn::DemoteTo(integers, hn::IfThenElse(inside, bin, bins)), integers, indices);
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane)
      ++tally.single[static_cast<std::size_t>(indices[lane])];
  }
  tally.lowest = std::min(tally.lowest, hn::GetLane(hn::MinOfLanes(d, lowest)));
  tally.highest = std::max(tally.highest, hn::GetLane(hn::MaxOfLanes(d, highest)));
}

// Returns how many values have been counted: those of whole vectors, four at a time.
std::size_t CountVectors(const float* values, std::size_t count, const BinRule& rule,
                         const QuickRule& quick, Tally& tally) {
  const hn::CappedTag<float, kLanes> d;
  const hn::RebindToUnsigned<decltype(d)> units;
  const std::size_t width = hn::Lanes(d);
  if (width < 2) return 0;  // no vectors: half a word of pairs
  const auto scale = hn::Set(d, quick.scale);
  const auto offset = hn::Set(d, quick.offset);
  const auto magic = hn::Set(units, kMagicBits);
  const auto last = hn::Set(units, quick.last);
  const auto margin = hn::Set(units, quick.margin);
  const auto fraction = hn::Set(units, (std::uint32_t{1} << kFractionBits) - 1);
  const auto sure = hn::Set(units, (std::uint32_t{1} << kFractionBits) - 1 - 2 * quick.margin);
  const auto bin = hn::Set(units, (std::uint32_t{kWindow} - 1) << kFractionBits);
  const auto position = [&](const float* from) {
    return hn::Sub(hn::BitCast(units, hn::MulAdd(hn::LoadU(d, from), scale, offset)), magic);
  };
  const auto from_margin = [&](auto at) { return hn::And(hn::Sub(at, margin), fraction); };
  // How often the pairs of these lanes came by in a row: few values take turns in many outputs, as
  // those of "nothing here" do. And what is counted one turn later need not wait for its store.
  auto lanes = hn::Zero(units);
  std::uint16_t times = 0;
  const auto add = [&] {
    HWY_ALIGN std::uint32_t pairs[kLanes];
    hn::Store(lanes, units, pairs);
    // Four pairs in a register cost less than a load for each.
    constexpr std::size_t kWord = sizeof(std::uint64_t) / sizeof(std::uint32_t);
#pragma GCC unroll 8
    for (std::size_t lane = 0; lane < width; lane += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, pairs + lane, sizeof(word));
#pragma GCC unroll 4
      for (std::size_t pair = 0; pair < 4; ++pair, word >>= 16)
        tally.pairs[pair % kTables][word & 0xffff] += times;
    }
  };
  std::size_t i = 0;
  for (; i + 4 * width <= count; i += 4 * width) {
    const auto p0 = position(values + i);
    const auto p1 = position(values + i + width);
    const auto p2 = position(values + i + 2 * width);
    const auto p3 = position(values + i + 3 * width);
    const auto furthest = hn::Max(hn::Max(p0, p1), hn::Max(p2, p3));
    const auto nearest = hn::Max(hn::Max(from_margin(p0), from_margin(p1)),
                                 hn::Max(from_margin(p2), from_margin(p3)));
    if (!hn::AllTrue(units, hn::And(hn::Eq(hn::Max(furthest, last), last),
                                    hn::Eq(hn::Max(nearest, sure), sure)))) {
      CountSlowly(values + i, 4 * width, rule, tally);
      continue;
    }
    // A lane is two pairs of sixteen bits: p0 with p1, and p2 with p3.
    const auto low = hn::Or(hn::And(p0, bin), hn::ShiftLeft<kWindowBits>(hn::And(p1, bin)));
    const auto high = hn::Or(hn::And(p2, bin), hn::ShiftLeft<kWindowBits>(hn::And(p3, bin)));
    const auto now = hn::Or(hn::ShiftRight<kFractionBits>(low), high);
    if (!hn::AllTrue(units, hn::Eq(now, lanes))) {
      add();
      lanes = now;
      times = 0;
    }
    ++times;
  }
  add();
  return i;
}

// How often each bin of the window is in a pair.
void SumPairs(const Tally& tally, std::uint32_t* window) {
  const hn::CappedTag<std::uint16_t, kWindow> d;
  std::uint16_t columns[kWindow] = {};
  for (std::size_t row = 0; row < kWindow; ++row) {
    auto total = hn::Zero(d);
    for (std::size_t column = 0; column < kWindow; column += hn::Lanes(d)) {
      auto sum = hn::Zero(d);
      for (const auto& table : tally.pairs)
        sum = hn::Add(sum, hn::Load(d, table.data() + row * kWindow + column));
      total = hn::Add(total, sum);
      hn::StoreU(hn::Add(hn::LoadU(d, columns + column), sum), d, columns + column);
    }
    window[row] = hn::GetLane(hn::SumOfLanes(d, total));
  }
  for (std::size_t column = 0; column < kWindow; ++column) window[column] += columns[column];
}

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(CountVectors);
HWY_EXPORT(SumPairs);

BinCounts count_bins(std::span<const float> values, const BinRule& rule) {
  BinCounts counts;
  const QuickRule quick(rule);
  const auto bins = static_cast<std::size_t>(rule.bins);
  while (!values.empty()) {
    const auto block = values.first(std::min(values.size(), kBlock));
    values = values.subspan(block.size());
    Tally tally;
    const std::size_t counted =
        HWY_DYNAMIC_DISPATCH(CountVectors)(block.data(), block.size(), rule, quick, tally);
    for (const float value : block.subspan(counted)) count_one(value, rule, tally);
    for (std::size_t bin = 0; bin < bins; ++bin) counts.inside[bin] += tally.single[bin];
    counts.outside += tally.single[bins];
    std::uint32_t window[kWindow];
    HWY_DYNAMIC_DISPATCH(SumPairs)(tally, window);
    for (std::size_t i = 0; i < kWindow; ++i)
      counts.inside[static_cast<std::size_t>(quick.window) + i] += window[i];
    counts.lowest = std::min(counts.lowest, tally.lowest);
    counts.highest = std::max(counts.highest, tally.highest);
  }
  return counts;
}

}  // namespace quant
#endif  // HWY_ONCE
