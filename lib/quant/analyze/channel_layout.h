// SPDX-License-Identifier: MIT
// Where the channels of a layer's output lie: axis 1 of feature maps (rank 4), else the last axis.
#pragma once

#include <cstdint>

#include "quant/tensor/shape.h"

namespace quant {

// A tensor as (outer, channels, inner), row-major; a scalar has one channel.
struct ChannelLayout {
  std::int64_t outer = 1;
  std::int64_t channels = 1;
  std::int64_t inner = 1;

  explicit ChannelLayout(const Shape& shape) {
    if (shape.empty()) return;
    const std::size_t axis = shape.size() == 4 ? 1 : shape.size() - 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= shape[i];
    channels = shape[axis];
    for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  }

  std::int64_t positions() const { return outer * inner; }  // elements of one channel
  // Flat index of the element of `channel` at 0 ≤ `position` < positions().
  std::size_t index(std::int64_t channel, std::int64_t position) const {
    return static_cast<std::size_t>((position / inner * channels + channel) * inner +
                                    position % inner);
  }
};

}  // namespace quant
