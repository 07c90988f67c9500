// SPDX-License-Identifier: MIT
// Splits [0, count) into ranges of about the same size, a few for each thread. The same parts of
// two loops go to the same threads, so that what one has written lies in its core's cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/base/thread_pool.h"

namespace quant::integer {

// Elements that are worth a range of their own, with the cheapest kernel: it takes about as long to
// see that another thread is done.
inline constexpr std::int64_t kLeastElements = 4096;
// Ranges for each thread: one that comes late leaves something to the others.
inline constexpr std::int64_t kRanges = 2;

// function(begin, end) for ranges of `rows` of `row_elements` each; one range where the pool has
// one thread.
template <typename Function>
void for_row_chunks(std::int64_t rows, std::int64_t row_elements, ThreadPool& pool,
                    const Function& function) {
  if (rows <= 0) return;
  if (pool.threads() == 1) {
    function(std::int64_t{0}, rows);
    return;
  }
  const std::int64_t most = std::max<std::int64_t>(1, rows * row_elements / kLeastElements);
  const std::int64_t ranges = std::min({rows, most, kRanges * pool.threads()});
  pool.run(ranges, [&](std::int64_t index, int) {
    function(rows * index / ranges, rows * (index + 1) / ranges);
  });
}

// The same for `count` elements: ranges of whole cache lines, if those of the first are.
template <typename Function>
void for_chunks(std::int64_t count, ThreadPool& pool, const Function& function) {
  constexpr std::int64_t kLine = 64;
  for_row_chunks((count + kLine - 1) / kLine, kLine, pool,
                 [&](std::int64_t begin, std::int64_t end) {
                   function(begin * kLine, std::min(count, end * kLine));
                 });
}

}  // namespace quant::integer
