// SPDX-License-Identifier: MIT
// Walks several operands of one shape, each with steps of its own, row by row. Axes that lie behind
// one another in every operand become one, so that the inner row is as long as the layout allows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "quant/tensor/shape.h"

namespace quant {

template <std::size_t kOperands>
class StridedLoop {
 public:
  using Steps = std::array<std::int64_t, kOperands>;  // in elements; 0 repeats, negative walks back
  struct Axis {
    std::int64_t size;
    Steps step;
  };

  // Precondition: a static shape; strides[k] has one entry per dimension.
  StridedLoop(const Shape& shape, const std::array<std::vector<std::int64_t>, kOperands>& strides) {
    for (std::size_t dim = 0; dim < shape.size(); ++dim) {
      Steps step;
      for (std::size_t k = 0; k < kOperands; ++k) step[k] = strides[k][dim];
      add_axis(shape[dim], step);
    }
    if (axes_.empty()) {
      Steps step;
      step.fill(1);
      axes_.push_back({1, step});
    }
  }
  explicit StridedLoop(std::vector<Axis> axes) : axes_(std::move(axes)) {}

  // Outermost first, never empty; the last is the row.
  const std::vector<Axis>& axes() const { return axes_; }
  std::int64_t row_size() const { return axes_.back().size; }
  const Steps& row_step() const { return axes_.back().step; }

  // Calls row(offsets): where each operand's row begins, in elements. Rows come in row-major order.
  template <typename Row>
  void for_each_row(Row&& row) const {
    for (const Axis& axis : axes_) {
      if (axis.size == 0) return;
    }
    const std::size_t outer = axes_.size() - 1;
    std::vector<std::int64_t> index(outer, 0);
    Steps offset{};
    while (true) {
      row(static_cast<const Steps&>(offset));
      std::size_t axis = outer;
      while (axis > 0) {
        --axis;
        const Axis& current = axes_[axis];
        if (++index[axis] < current.size) {
          for (std::size_t k = 0; k < kOperands; ++k) offset[k] += current.step[k];
          break;
        }
        index[axis] = 0;
        for (std::size_t k = 0; k < kOperands; ++k) {
          offset[k] -= current.step[k] * (current.size - 1);
        }
        if (axis == 0) return;
      }
      if (outer == 0) return;
    }
  }

 private:
  void add_axis(std::int64_t size, const Steps& step) {
    if (size == 1) return;
    if (!axes_.empty()) {
      Axis& last = axes_.back();
      bool contiguous = true;
      for (std::size_t k = 0; k < kOperands; ++k) {
        contiguous = contiguous && last.step[k] == step[k] * size;
      }
      if (contiguous) {
        last = {last.size * size, step};
        return;
      }
    }
    axes_.push_back({size, step});
  }

  std::vector<Axis> axes_;
};

}  // namespace quant
