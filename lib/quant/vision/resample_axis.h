// SPDX-License-Identifier: MIT
// Which input pixels a resized one looks at along one axis, and how much each counts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace quant {

struct ResampleAxis {
  // The largest precision at which 255 times weights that sum to 1 stays within int32, rounding
  // included.
  static constexpr int kWeightBits = 22;
  static constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

  // Input pixels first … first + count − 1; their weights begin at `weights`.
  struct Reach {
    int first = 0;
    int count = 0;
    std::size_t weights = 0;
  };

  int in;
  std::vector<Reach> reach;           // one per output pixel; none begins before the one before it
  std::vector<std::int32_t> weights;  // of kWeightBits fractional bits, none negative

  // The triangle filter of Resampler, for `count` of the `out` output pixels.
  ResampleAxis(int in, int out, int first, int count);

  // The input pixels that are looked at: from the first one to before the last one's end.
  int first_in() const { return reach.front().first; }
  int end_in() const { return reach.back().first + reach.back().count; }
};

// A weight in two halves that fit the vector unit's 16-bit products: high · 2^11 + low.
struct SplitWeight {
  static constexpr int kLowBits = ResampleAxis::kWeightBits / 2;
  std::int16_t high;
  std::int16_t low;

  explicit SplitWeight(std::int32_t weight)
      : high(static_cast<std::int16_t>(weight >> kLowBits)),
        low(static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1))) {}
};

// Rounds half up. Sums are not negative, and leave 0…255 by no more than rounding upward.
inline std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(
      std::min((sum + ResampleAxis::kHalf) >> ResampleAxis::kWeightBits, 255));
}

}  // namespace quant
