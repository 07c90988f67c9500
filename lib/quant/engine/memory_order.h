// SPDX-License-Identifier: MIT
// In which order the axes of a dense tensor lie in memory. Shapes and axes of the graph stay ONNX's
// (N, C, H, W); a convolution wants N, H, W, C in memory. Transposes, and most reshapes, then only
// rename axes and move nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "quant/tensor/shape.h"

namespace quant {

// order[0] is the outermost axis in memory, order.back() the innermost. A permutation of 0 …
// rank−1.
using MemoryOrder = std::vector<int>;

MemoryOrder row_major_order(std::size_t rank);
// N, H, W, C for a feature map (N, C, H, W).
MemoryOrder channels_last_order();
// In which an integer graph's input lies: a frame or feature map channels last, as cameras deliver
// it; all else row-major.
MemoryOrder input_order(std::size_t rank);
// The axes in that order: (1, C, H, W) becomes (1, H, W, C).
Shape input_shape_in_memory(const Shape& shape);

// Whether both orders put the same elements at the same places (axes of size 1 lie anywhere).
bool same_memory(const Shape& shape, const MemoryOrder& a, const MemoryOrder& b);

// Step in elements along each axis of the shape.
std::vector<std::int64_t> strides_of(const Shape& shape, const MemoryOrder& order);

// The order that the output of Transpose(perm) has where its memory is its input's.
MemoryOrder transposed_order(const MemoryOrder& order, const std::vector<std::int64_t>& perm);

// The order that `to` has where it is `from` reshaped without moving anything; nothing where
// elements would have to move. Sources of a view: an axis split into several, or adjacent axes
// merged, each within its own place in memory.
std::optional<MemoryOrder> reshaped_order(const Shape& from, const MemoryOrder& order,
                                          const Shape& to);

}  // namespace quant
