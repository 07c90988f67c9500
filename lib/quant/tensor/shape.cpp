// SPDX-License-Identifier: MIT
#include "quant/tensor/shape.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant {

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) count *= dim;
  return count;
}

Result<std::int64_t> checked_element_count(const Shape& shape) {
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t dim : shape) {
    if (dim < 0) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("negative dimension in {}", to_string(shape)));
    }
    if (dim == 0) {
      empty = true;
      continue;
    }
    if (dim > kMaxElements / count) {
      return fail(ErrorCode::kOutOfRange, fmt::format("shape {} is too large", to_string(shape)));
    }
    count *= dim;
  }
  return empty ? 0 : count;
}

bool is_static(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](std::int64_t dim) { return dim >= 0; });
}

std::string to_string(const Shape& shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::vector<std::int64_t> row_major_strides(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;)
    strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

}  // namespace quant
