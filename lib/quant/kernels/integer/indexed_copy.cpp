// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/indexed_copy.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"

namespace quant::integer {
namespace {

std::int64_t reflected(std::int64_t index, std::int64_t size) {
  if (size == 1) return 0;
  const std::int64_t period = 2 * (size - 1);
  const std::int64_t within = (index % period + period) % period;
  return within < size ? within : period - within;
}

}  // namespace

std::vector<std::int64_t> pad_axis(std::int64_t in_size, std::int64_t before, std::int64_t after,
                                   PadMode mode) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = -before; i < in_size + after; ++i) {
    if (i >= 0 && i < in_size) {
      indices.push_back(i);
      continue;
    }
    switch (mode) {
      case PadMode::kConstant:
        indices.push_back(-1);
        break;
      case PadMode::kEdge:
        indices.push_back(std::clamp<std::int64_t>(i, 0, in_size - 1));
        break;
      case PadMode::kReflect:
        indices.push_back(reflected(i, in_size));
        break;
      case PadMode::kWrap:
        indices.push_back((i % in_size + in_size) % in_size);
        break;
    }
  }
  return indices;
}

IndexedCopy::IndexedCopy(const IndexedCopySpec& spec) : spec_(spec) {
  strides_.assign(spec.in_shape.size(), 1);
  for (std::size_t axis = spec.in_shape.size(); axis-- > 1;) {
    strides_[axis - 1] = strides_[axis] * spec.in_shape[axis];
  }
  if (spec.in_shape.empty()) return;
  innermost_contiguous_ = true;
  const std::vector<std::int64_t>& last = spec.indices.back();
  for (std::size_t i = 0; i < last.size(); ++i) {
    if (last[i] < 0 || last[i] != last[0] + static_cast<std::int64_t>(i)) {
      innermost_contiguous_ = false;
    }
  }
}

void IndexedCopy::run(const void* input, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename T>(Element<T>) {
        run_as(static_cast<const T*>(input), static_cast<T*>(output), pool);
      },
      spec_.type);
}

template <typename T>
void IndexedCopy::run_as(const T* input, T* output, ThreadPool& pool) const {
  if (spec_.in_shape.empty()) {
    output[0] = input[0];
    return;
  }
  const std::size_t last = spec_.indices.size() - 1;
  const std::vector<std::int64_t>& inner = spec_.indices[last];
  const auto width = static_cast<std::int64_t>(inner.size());
  std::int64_t rows = 1;
  for (std::size_t axis = 0; axis < last; ++axis) {
    rows *= static_cast<std::int64_t>(spec_.indices[axis].size());
  }
  if (width == 0) return;
  const auto copy_row = [&](std::int64_t row) {
    T* out = output + row * width;
    std::int64_t at = 0;
    std::int64_t rest = row;
    bool outside = false;
    for (std::size_t axis = last; axis-- > 0;) {
      const auto size = static_cast<std::int64_t>(spec_.indices[axis].size());
      const std::int64_t index = spec_.indices[axis][static_cast<std::size_t>(rest % size)];
      rest /= size;
      outside = outside || index < 0;
      at += index * strides_[axis];
    }
    if (outside) {
      std::fill_n(out, width, static_cast<T>(spec_.constant));
    } else if (innermost_contiguous_) {
      std::copy_n(input + at + inner[0], width, out);
    } else {
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t index = inner[static_cast<std::size_t>(i)];
        out[i] = index < 0 ? static_cast<T>(spec_.constant) : input[at + index];
      }
    }
  };
  for_row_chunks(rows, width, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) copy_row(row);
  });
}

}  // namespace quant::integer
