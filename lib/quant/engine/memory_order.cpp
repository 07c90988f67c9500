// SPDX-License-Identifier: MIT
#include "quant/engine/memory_order.h"

#include <algorithm>
#include <numeric>

namespace quant {
namespace {

// Runs of axes whose products agree on both sides: (2, C/2) against C, (H·W) against (H, W).
struct AxisGroup {
  std::vector<int> from;
  std::vector<int> to;
};

std::vector<AxisGroup> match_axes(const Shape& from, const Shape& to) {
  std::vector<AxisGroup> groups;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < from.size() || j < to.size()) {
    AxisGroup group;
    std::int64_t left = 1;
    std::int64_t right = 1;
    const auto take_left = [&] {
      left *= from[i];
      group.from.push_back(static_cast<int>(i++));
    };
    const auto take_right = [&] {
      right *= to[j];
      group.to.push_back(static_cast<int>(j++));
    };
    if (i < from.size()) take_left();
    if (j < to.size()) take_right();
    while (left != right) {
      const bool from_left = i < from.size() && (left < right || j == to.size());
      from_left ? take_left() : take_right();
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

MemoryOrder without_ones(const Shape& shape, const MemoryOrder& order) {
  MemoryOrder result;
  std::copy_if(order.begin(), order.end(), std::back_inserter(result),
               [&](int axis) { return shape[static_cast<std::size_t>(axis)] != 1; });
  return result;
}

}  // namespace

MemoryOrder row_major_order(std::size_t rank) {
  MemoryOrder order(rank);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

MemoryOrder channels_last_order() { return {0, 2, 3, 1}; }

MemoryOrder input_order(std::size_t rank) {
  return rank == 4 ? channels_last_order() : row_major_order(rank);
}

Shape input_shape_in_memory(const Shape& shape) {
  Shape result;
  for (const int axis : input_order(shape.size()))
    result.push_back(shape[static_cast<std::size_t>(axis)]);
  return result;
}

bool same_memory(const Shape& shape, const MemoryOrder& a, const MemoryOrder& b) {
  return without_ones(shape, a) == without_ones(shape, b);
}

std::vector<std::int64_t> strides_of(const Shape& shape, const MemoryOrder& order) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  std::int64_t step = 1;
  for (std::size_t place = order.size(); place-- > 0;) {
    const auto axis = static_cast<std::size_t>(order[place]);
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

MemoryOrder transposed_order(const MemoryOrder& order, const std::vector<std::int64_t>& perm) {
  // Output axis j is input axis perm[j].
  MemoryOrder inverse(perm.size());
  for (std::size_t j = 0; j < perm.size(); ++j)
    inverse[static_cast<std::size_t>(perm[j])] = static_cast<int>(j);
  MemoryOrder result;
  for (const int axis : order) result.push_back(inverse[static_cast<std::size_t>(axis)]);
  return result;
}

std::optional<MemoryOrder> reshaped_order(const Shape& from, const MemoryOrder& order,
                                          const Shape& to) {
  if (std::find(from.begin(), from.end(), 0) != from.end()) return row_major_order(to.size());
  const std::vector<AxisGroup> groups = match_axes(from, to);
  std::vector<int> place(from.size());
  const MemoryOrder significant = without_ones(from, order);
  for (std::size_t p = 0; p < significant.size(); ++p)
    place[static_cast<std::size_t>(significant[p])] = static_cast<int>(p);

  // Each group's axes must lie next to each other in memory, in their own order.
  std::vector<std::pair<int, const AxisGroup*>> placed;
  MemoryOrder result;
  for (const AxisGroup& group : groups) {
    int first = -1;
    int previous = -1;
    for (const int axis : group.from) {
      if (from[static_cast<std::size_t>(axis)] == 1) continue;
      const int here = place[static_cast<std::size_t>(axis)];
      if (previous >= 0 && here != previous + 1) return std::nullopt;
      if (first < 0) first = here;
      previous = here;
    }
    // Groups of ones lie anywhere; in front is as good as elsewhere.
    placed.emplace_back(first, &group);
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [position, group] : placed)
    result.insert(result.end(), group->to.begin(), group->to.end());
  return result;
}

}  // namespace quant
