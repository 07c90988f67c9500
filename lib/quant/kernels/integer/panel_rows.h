// SPDX-License-Identifier: MIT
// Rows taken as many at a time as a micro-kernel has registers for, each number known to the
// compiler.
#pragma once

#include <hwy/base.h>

#include <cstdint>
#include <type_traits>

namespace quant::integer {

// run(std::integral_constant<int, n>, first): n rows from `first` on.
template <int kRows, typename Run>
void for_last_rows(std::int64_t rows, std::int64_t first, const Run& run) {
  if (rows == kRows) return run(std::integral_constant<int, kRows>(), first);
  if constexpr (kRows > 1) for_last_rows<kRows - 1>(rows, first, run);
}

// kMost at a time, and what is left at once.
template <int kMost, typename Run>
HWY_INLINE void for_rows(std::int64_t rows, const Run& run) {
  std::int64_t first = 0;
  for (; first + kMost <= rows; first += kMost) run(std::integral_constant<int, kMost>(), first);
  if constexpr (kMost > 1) for_last_rows<kMost - 1>(rows - first, first, run);
}

}  // namespace quant::integer
