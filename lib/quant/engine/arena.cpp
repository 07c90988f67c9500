// SPDX-License-Identifier: MIT
#include "quant/engine/arena.h"

#include <algorithm>
#include <numeric>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"

namespace quant {

ArenaPlan plan_arena(const std::vector<BufferLifetime>& buffers) {
  ArenaPlan plan;
  plan.offsets.assign(buffers.size(), 0);
  std::vector<std::size_t> by_size(buffers.size());
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });
  std::vector<std::size_t> placed;
  for (const std::size_t buffer : by_size) {
    const BufferLifetime& current = buffers[buffer];
    std::vector<std::size_t> neighbours;
    for (const std::size_t other : placed) {
      if (buffers[other].first <= current.last && current.first <= buffers[other].last)
        neighbours.push_back(other);
    }
    std::sort(neighbours.begin(), neighbours.end(),
              [&](std::size_t a, std::size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    std::size_t offset = 0;
    for (const std::size_t other : neighbours) {
      if (offset + current.bytes <= plan.offsets[other]) break;
      offset =
          std::max(offset, round_up(plan.offsets[other] + buffers[other].bytes, kBufferAlignment));
    }
    plan.offsets[buffer] = offset;
    plan.bytes = std::max(plan.bytes, round_up(offset + current.bytes, kBufferAlignment));
    placed.push_back(buffer);
  }
  return plan;
}

}  // namespace quant
