// SPDX-License-Identifier: MIT
// Places buffers of known size and lifetime into one block of memory.
#pragma once

#include <cstddef>
#include <vector>

namespace quant {

struct BufferLifetime {
  std::size_t bytes = 0;
  // Steps at which it is first written and last read, both included.
  std::size_t first = 0;
  std::size_t last = 0;
};

struct ArenaPlan {
  std::vector<std::size_t> offsets;  // one per buffer, multiples of kBufferAlignment
  std::size_t bytes = 0;             // of the whole block
};

// Buffers whose lifetimes overlap do not overlap in memory. Largest first, each at the lowest free
// offset.
ArenaPlan plan_arena(const std::vector<BufferLifetime>& buffers);

}  // namespace quant
