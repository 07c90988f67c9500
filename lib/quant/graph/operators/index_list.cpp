// SPDX-License-Identifier: MIT
#include "quant/graph/operators/index_list.h"

#include <fmt/format.h>

#include "quant/graph/operators/arguments.h"

namespace quant {

IndexList::IndexList(const Tensor& tensor) {
  if (tensor.type() == DataType::kInt64) {
    values_ = tensor.data<std::int64_t>();
  } else {
    widened_ = integers_of(tensor);
    values_ = widened_;
  }
}

Status check_indices(std::span<const std::int64_t> indices, std::int64_t size) {
  for (const std::int64_t index : indices) {
    if (index < -size || index >= size) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("index {} lies outside a dimension of {}", index, size));
    }
  }
  return {};
}

Result<std::vector<std::int64_t>> row_offsets(std::span<const std::int64_t> indices,
                                              std::size_t row, const Shape& shape) {
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  std::vector<std::int64_t> offsets;
  offsets.reserve(indices.size() / row);
  for (std::size_t i = 0; i + row <= indices.size(); i += row) {
    std::int64_t offset = 0;
    for (std::size_t k = 0; k < row; ++k) {
      QUANT_TRY(check_indices(indices.subspan(i + k, 1), shape[k]));
      offset += from_front(indices[i + k], shape[k]) * strides[k];
    }
    offsets.push_back(offset);
  }
  return offsets;
}

Status check_index_shape(const Shape& indices, const Shape& data, std::size_t axis) {
  bool fits = indices.size() == data.size();
  for (std::size_t i = 0; fits && i < data.size(); ++i) {
    fits = i == axis || data[i] < 0 || indices[i] <= data[i];
  }
  if (!fits) {
    return fail(ErrorCode::kInvalidData, fmt::format("indices of shape {} do not fit data of {}",
                                                     to_string(indices), to_string(data)));
  }
  return {};
}

}  // namespace quant
