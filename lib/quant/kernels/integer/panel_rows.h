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

// Fewer than 2·kMost rows, in one part or two equal ones.
template <int kMost, typename Run>
HWY_NOINLINE void share_rows(std::int64_t rows, std::int64_t first, const Run& run) {
  const std::int64_t part = rows < kMost ? rows : (rows + 1) / 2;
  for_last_rows<kMost - 1>(part, first, run);
  for_last_rows<kMost - 1>(rows - part, first + part, run);
}

// kMost at a time, called from one place, so that it can be inlined. The last few would not hide
// the latency of their sums: they share with the kMost before them.
template <int kMost, typename Run>
HWY_INLINE void for_rows(std::int64_t rows, const Run& run) {
  constexpr std::int64_t kFew = kMost / 4;
  std::int64_t first = 0;
  for (; first + kMost + kFew < rows || first + kMost == rows; first += kMost)
    run(std::integral_constant<int, kMost>(), first);
  if constexpr (kMost > 1) {
    if (first < rows) share_rows<kMost>(rows - first, first, run);
  }
}

}  // namespace quant::integer
