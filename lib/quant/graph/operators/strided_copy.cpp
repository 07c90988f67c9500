// SPDX-License-Identifier: MIT
#include "quant/graph/operators/strided_copy.h"

#include <algorithm>
#include <cstring>

#include "quant/graph/operators/strided_loop.h"
#include "quant/graph/operators/type_lists.h"

namespace quant {
namespace {

using Loop = StridedLoop<2>;  // from, to
constexpr std::size_t kFrom = 0;
constexpr std::size_t kTo = 1;

template <typename T>
void copy_row(const T* from, std::int64_t from_step, T* to, std::int64_t to_step,
              std::int64_t count) {
  if (from_step == 1 && to_step == 1) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(T));
  } else if (from_step == 0 && to_step == 1) {
    std::fill_n(to, count, *from);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * to_step] = from[i * from_step];
  }
}

// The axis that is contiguous in `from` where the row is not: a transpose, done in tiles so that
// both sides use whole cache lines.
std::size_t tiled_axis(const Loop& loop) {
  const auto& axes = loop.axes();
  const std::size_t none = axes.size();
  if (axes.back().step[kFrom] == 1 || axes.back().step[kFrom] == 0) return none;
  for (std::size_t axis = 0; axis + 1 < axes.size(); ++axis) {
    if (axes[axis].step[kFrom] == 1) return axis;
  }
  return none;
}

// A transpose of few rows into dense memory, an image's three colours: all of a column at once.
template <std::int64_t kRows, typename T>
void interleave(const T* from, std::int64_t row_step, T* to, std::int64_t columns) {
  for (std::int64_t i = 0; i < columns; ++i) {
    T* const pixel = to + i * kRows;  // written out: compilers keep a loop here
    pixel[0] = from[i];
    pixel[1] = from[i + row_step];
    if constexpr (kRows > 2) pixel[2] = from[i + 2 * row_step];
    if constexpr (kRows > 3) pixel[3] = from[i + 3 * row_step];
  }
}

// One block of a transpose: contiguous in `from` along its columns, in `to` along its rows.
template <typename T>
void copy_block(const T* from, T* to, const Loop::Axis& column, const Loop::Axis& row) {
  // Rows often lie a multiple of 4 KiB apart, where the first-level cache holds eight lines of
  // them.
  constexpr std::int64_t kRows = 8;
  constexpr std::int64_t kColumns = 32;
  if (row.step[kTo] == 1 && column.step[kTo] == row.size) {
    if (row.size == 2) return interleave<2>(from, row.step[kFrom], to, column.size);
    if (row.size == 3) return interleave<3>(from, row.step[kFrom], to, column.size);
    if (row.size == 4) return interleave<4>(from, row.step[kFrom], to, column.size);
  }
  for (std::int64_t c = 0; c < column.size; c += kColumns) {
    const std::int64_t c_end = std::min(c + kColumns, column.size);
    std::int64_t r = 0;
    for (; r + kRows <= row.size; r += kRows) {
      for (std::int64_t i = c; i < c_end; ++i) {
        copy_row(from + i + r * row.step[kFrom], row.step[kFrom],
                 to + i * column.step[kTo] + r * row.step[kTo], row.step[kTo], kRows);
      }
    }
    for (; r < row.size; ++r) {
      copy_row(from + c + r * row.step[kFrom], 1, to + c * column.step[kTo] + r * row.step[kTo],
               column.step[kTo], c_end - c);
    }
  }
}

template <typename T>
void copy_tiled(const Loop& loop, std::size_t tiled, const T* from, T* to) {
  std::vector<Loop::Axis> outer = loop.axes();
  const Loop::Axis row = outer.back();
  const Loop::Axis column = outer[tiled];
  outer.pop_back();
  outer.erase(outer.begin() + static_cast<std::ptrdiff_t>(tiled));
  outer.push_back({1, {1, 1}});
  Loop(std::move(outer)).for_each_row([&](const Loop::Steps& offset) {
    copy_block(from + offset[kFrom], to + offset[kTo], column, row);
  });
}

}  // namespace

void strided_copy(const Shape& shape, const Tensor& from, std::int64_t from_offset,
                  const std::vector<std::int64_t>& from_strides, Tensor& to, std::int64_t to_offset,
                  const std::vector<std::int64_t>& to_strides) {
  const Loop loop(shape, {from_strides, to_strides});
  visit_size(from.type(), [&]<typename T>(std::type_identity<T>) {
    const T* const source = reinterpret_cast<const T*>(from.raw()) + from_offset;
    T* const target = reinterpret_cast<T*>(to.raw()) + to_offset;
    const std::size_t tiled = tiled_axis(loop);
    if (tiled < loop.axes().size()) {
      copy_tiled(loop, tiled, source, target);
      return;
    }
    const Loop::Steps step = loop.row_step();
    const std::int64_t count = loop.row_size();
    loop.for_each_row([&](const Loop::Steps& offset) {
      copy_row(source + offset[kFrom], step[kFrom], target + offset[kTo], step[kTo], count);
    });
  });
}

void strided_copy(const Shape& shape, const Tensor& from, std::int64_t from_offset,
                  const std::vector<std::int64_t>& from_strides, Tensor& to) {
  strided_copy(shape, from, from_offset, from_strides, to, 0, row_major_strides(shape));
}

}  // namespace quant
