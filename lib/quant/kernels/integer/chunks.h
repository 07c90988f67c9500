// SPDX-License-Identifier: MIT
// Splits [0, count) into ranges that are worth a task of their own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/base/thread_pool.h"

namespace quant::integer {

// About 10 µs of the cheapest kernel: well above the cost of waking a thread.
inline constexpr std::int64_t kChunkElements = 32 * 1024;

// function(begin, end) for ranges of `chunk` items; one range where the pool has one thread.
template <typename Function>
void for_chunks(std::int64_t count, ThreadPool& pool, const Function& function,
                std::int64_t chunk = kChunkElements) {
  if (count <= 0) return;
  if (pool.threads() == 1 || count <= chunk) {
    function(std::int64_t{0}, count);
    return;
  }
  pool.run((count + chunk - 1) / chunk, [&](std::int64_t index, int) {
    function(index * chunk, std::min(count, (index + 1) * chunk));
  });
}

// The same for `rows` of `row_elements` each: ranges of whole rows.
template <typename Function>
void for_row_chunks(std::int64_t rows, std::int64_t row_elements, ThreadPool& pool,
                    const Function& function) {
  for_chunks(rows, pool, function,
             std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, row_elements)));
}

}  // namespace quant::integer
