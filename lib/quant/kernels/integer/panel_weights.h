// SPDX-License-Identifier: MIT
// How the micro-kernels of panel_kernel.h want constant weights packed.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "quant/kernels/integer/panel_kernel.h"

namespace quant::integer {

// The bias of a tile: an exact double, or int32 modulo 2^32, as the sum that it completes is proved
// to fit.
template <typename Sum>
Sum folded_bias(std::int64_t bias) {
  if constexpr (std::is_same_v<Sum, std::int32_t>) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::uint64_t>(bias)));
  } else {
    return static_cast<Sum>(bias);
  }
}

template <typename Panel>
inline constexpr bool kWordWeights = std::is_same_v<Panel, WordPanel<std::int16_t>>;

// How many a tile of `steps` steps has for each of its lanes.
template <typename Panel>
std::int64_t weights_of_lane(std::int64_t steps) {
  if constexpr (kWordWeights<Panel>) {
    return 6 * steps + 2 * (1 + steps / kCarrySteps);
  } else {
    return Panel::kDepth * steps;
  }
}

// Writes the weight of a lane at depth k, once each, into a tile's weights, zero before:
// (steps, width, kDepth). 16-bit ones: each kCarrySteps steps begin with −128·Σ w_h over them, an
// int32 for each lane; then each step has the weights in pairs, (2, width, 2), and the high bytes
// w_h, (width, 4).
template <typename Panel>
void put_weight(typename Panel::Weight* weights, std::int64_t width, std::int64_t lane,
                std::int64_t k, std::int32_t value) {
  const std::int64_t step = k / Panel::kDepth;
  const std::int64_t within = k % Panel::kDepth;
  if constexpr (kWordWeights<Panel>) {
    const std::int64_t carries = step / kCarrySteps;
    const std::int32_t high = value >> 8;
    auto* begin = weights + (6 * kCarrySteps + 2) * carries * width;
    std::int32_t sum;
    std::memcpy(&sum, begin + 2 * lane, sizeof sum);
    sum -= 128 * high;
    std::memcpy(begin + 2 * lane, &sum, sizeof sum);
    auto* pairs = begin + (2 + 6 * (step % kCarrySteps)) * width;
    pairs[(within / 2 * width + lane) * 2 + within % 2] = static_cast<std::int16_t>(value);
    auto* bytes = reinterpret_cast<std::int8_t*>(pairs + 4 * width);
    bytes[4 * lane + within] = static_cast<std::int8_t>(high);
  } else {
    weights[(step * width + lane) * Panel::kDepth + within] =
        static_cast<typename Panel::Weight>(value);
  }
}

}  // namespace quant::integer
