// SPDX-License-Identifier: MIT
// Sizes and offsets in whole steps.
#pragma once

#include <type_traits>

namespace quant {

// The least multiple of `step` that is not below `value`. value ≥ 0, step ≥ 1; their sum has to
// fit.
template <typename T>
constexpr T round_up(T value, std::type_identity_t<T> step) {
  return (value + step - 1) / step * step;
}

}  // namespace quant
