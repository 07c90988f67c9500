// SPDX-License-Identifier: MIT
// What Gather and Scatter have in common: index tensors, checked against the data before they are
// used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Elements of an int32 or int64 tensor as int64, copied only where they must be widened. Refers to
// the tensor's elements.
class IndexList {
 public:
  explicit IndexList(const Tensor& tensor);
  IndexList(const IndexList&) = delete;
  IndexList& operator=(const IndexList&) = delete;

  std::span<const std::int64_t> values() const { return values_; }

 private:
  std::vector<std::int64_t> widened_;
  std::span<const std::int64_t> values_;
};

// OutOfRange unless every index lies in [−size, size − 1].
Status check_indices(std::span<const std::int64_t> indices, std::int64_t size);

// A checked index counted from the front.
inline std::int64_t from_front(std::int64_t index, std::int64_t size) {
  return index < 0 ? index + size : index;
}

// For index tensors whose last dimension holds positions in `shape` (GatherND, ScatterND): the
// offset in elements that each row of `row` indices points at, in a tensor of that shape.
// OutOfRange where one points outside. Precondition: row ≤ shape.size().
Result<std::vector<std::int64_t>> row_offsets(std::span<const std::int64_t> indices,
                                              std::size_t row, const Shape& shape);

// The indices of *Elements operators reach every dimension but `axis` without being checked one by
// one: InvalidData where the index shape has another rank than the data or is larger along another
// axis.
Status check_index_shape(const Shape& indices, const Shape& data, std::size_t axis);

}  // namespace quant
