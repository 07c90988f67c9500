// SPDX-License-Identifier: MIT
// Copies elements between layouts: what Transpose, Slice, Expand, Tile and their kin do.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/tensor/tensor.h"

namespace quant {

// to[i · to_strides] = from[i · from_strides] for every index i of `shape`. Strides and offsets in
// elements; strides of `from` may be 0 (repeat) or negative. The tensors have the same element type
// and do not overlap. Precondition: every index lies inside both.
void strided_copy(const Shape& shape, const Tensor& from, std::int64_t from_offset,
                  const std::vector<std::int64_t>& from_strides, Tensor& to, std::int64_t to_offset,
                  const std::vector<std::int64_t>& to_strides);

// The same into all of `to`, in order.
void strided_copy(const Shape& shape, const Tensor& from, std::int64_t from_offset,
                  const std::vector<std::int64_t>& from_strides, Tensor& to);

}  // namespace quant
