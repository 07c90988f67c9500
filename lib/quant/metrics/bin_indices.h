// SPDX-License-Identifier: MIT
// Into which of equal bins values fall, at the speed of the vector unit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quant {

// Bin i holds the positions from first + i on, one bin wide, where a value's position is
// ((value · steps_per_value + zero_point) + 0.5) · bins_per_step, in double, one rounding a step.
struct BinRule {
  double steps_per_value = 1;
  double zero_point = 0;
  double bins_per_step = 1;
  std::int64_t first = 0;  // |first| < 2^52
  std::int32_t bins = 0;
};

// `indices` gets one a value: 0 … bins − 1, or bins where the value lies outside or is not finite.
// The same on every instruction set. Reentrant.
void bin_indices(const float* values, std::size_t count, const BinRule& rule,
                 std::int32_t* indices);

}  // namespace quant
