// SPDX-License-Identifier: MIT
// How many values fall into each of equal bins, at the speed of the vector unit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace quant {

// Bin i holds the positions from first + i on, one bin wide, where a value's position is
// ((value · steps_per_value + zero_point) + 0.5) · bins_per_step, in double, one rounding a step.
struct BinRule {
  static constexpr std::int32_t kMostBins = 255;  // a byte says which, or that it is none

  double steps_per_value = 1;
  double zero_point = 0;
  double bins_per_step = 1;
  std::int64_t first = 0;  // |first| < 2^52
  std::int32_t bins = 0;   // 0 … kMostBins
};

struct BinCounts {
  std::array<std::size_t, BinRule::kMostBins> inside = {};  // by bin
  std::size_t outside = 0;                                  // or not finite
  // Whole numbers: bins that go on from `lowest` to `highest` have room for every value whose
  // position is finite. Those of the rule are among them. Beyond 2^53 they are approximate.
  double lowest = 0;
  double highest = 0;
};

// The same on every instruction set. Reentrant.
BinCounts count_bins(std::span<const float> values, const BinRule& rule);

}  // namespace quant
