// SPDX-License-Identifier: MIT
// Dimensions of a tensor, outermost first. Empty = a scalar. -1 marks a size known only at run
// time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/base/result.h"

namespace quant {

using Shape = std::vector<std::int64_t>;

// No tensor of a real camera network comes near it; hostile files do. 2^33 elements.
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 33;

// Product of the dimensions; 1 for a scalar. Precondition: no negative dimension (see
// checked_element_count).
std::int64_t element_count(const Shape& shape);
// The same for shapes that come from outside: OutOfRange where a dimension is negative or the
// product passes kMaxElements.
Result<std::int64_t> checked_element_count(const Shape& shape);
bool is_static(const Shape& shape);
// "1x3x240x320"; "scalar" for an empty shape.
std::string to_string(const Shape& shape);
// Steps in elements, row-major.
std::vector<std::int64_t> row_major_strides(const Shape& shape);

}  // namespace quant
