// SPDX-License-Identifier: MIT
// Elements of one type as elements of another.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Floats to integers round toward zero; what the integer cannot hold becomes its nearest limit and
// NaN becomes 0 (ONNX leaves both open, C++ too). Integers to integers wrap.
template <typename To, typename From>
To cast_element(From value) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // Both bounds are powers of two (or 0) and exact in every float type.
    constexpr From kLowest = static_cast<From>(std::numeric_limits<To>::lowest());
    const From above = std::ldexp(From{1}, std::numeric_limits<To>::digits);
    if (!(value >= kLowest)) return std::isnan(value) ? To{0} : std::numeric_limits<To>::lowest();
    if (value >= above) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

// A tensor with every element cast to `type`; to bool: whether it differs from 0. Shares the
// elements where the type is the same.
Tensor cast(const Tensor& tensor, DataType type);

// The element type that ONNX numbers so in attributes (`to`, `dtype`); float16 and bfloat16 are
// widened to float32 as everywhere. Unsupported for strings and what else has no DataType.
Result<DataType> data_type_of_number(std::int64_t onnx_number);

}  // namespace quant
