// SPDX-License-Identifier: MIT
// Limits and zero point of an output whose rule is in float32, as the vector kernels want them.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"

namespace quant::integer {

struct StoreRange {
  float lowest = 0;   // qmin − zp
  float highest = 0;  // qmax − zp
  std::int32_t zero_point = 0;
  StoreRange() = default;
  explicit StoreRange(const OutputRange& range)
      : lowest(static_cast<float>(range.qmin - range.zero_point)),
        highest(static_cast<float>(range.qmax - range.zero_point)),
        zero_point(range.zero_point) {}
  std::uint8_t lowest_level() const {
    return static_cast<std::uint8_t>(static_cast<std::int32_t>(lowest) + zero_point);
  }
};

}  // namespace quant::integer
