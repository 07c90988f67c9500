// SPDX-License-Identifier: MIT
// The neutral elements of minimum and maximum: infinities where the type has them, else its limits.
#pragma once

#include <limits>

namespace quant {

template <typename T>
constexpr T lowest_value() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

template <typename T>
constexpr T highest_value() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

}  // namespace quant
