// SPDX-License-Identifier: MIT
// Integer arithmetic as numpy has it: results wrap around, where plain C++ would be undefined.
#pragma once

#include <cstdint>
#include <type_traits>

namespace quant {

// Unsigned, and wide enough that small types are not promoted to int.
template <typename T>
using WrapType = std::conditional_t<(sizeof(T) < 8), std::uint32_t, std::uint64_t>;

template <typename T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<WrapType<T>>(a) + static_cast<WrapType<T>>(b));
}
template <typename T>
T wrapping_subtract(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a - b;
  else
    return static_cast<T>(static_cast<WrapType<T>>(a) - static_cast<WrapType<T>>(b));
}
template <typename T>
T wrapping_multiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<WrapType<T>>(a) * static_cast<WrapType<T>>(b));
}

}  // namespace quant
