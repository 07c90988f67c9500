// SPDX-License-Identifier: MIT
#include "quant/graph/operators/broadcast.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant {

Result<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    std::int64_t& dim = result[lead + i];
    const std::int64_t other = shorter[i];
    if (dim == other || other == 1) continue;
    // An unknown size beside a known one larger than 1 can only be that one, or 1.
    if (dim == 1 || dim == -1) {
      dim = other;
    } else if (other != -1) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("shapes {} and {} do not broadcast", to_string(a), to_string(b)));
    }
  }
  return result;
}

Result<Shape> broadcast_inputs(const NodeContext& context) {
  Shape shape;
  for (const TensorType* type : context.types) {
    if (type == nullptr) continue;
    QUANT_TRY_ASSIGN(shape, broadcast_shapes(shape, type->shape));
  }
  return shape;
}

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::int64_t target = to[lead + i];
    if (from[i] != 1 && from[i] != target && from[i] != -1 && target != -1) return false;
  }
  return true;
}

std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> strides(to.size(), 0);
  const std::vector<std::int64_t> dense = row_major_strides(from);
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1) strides[lead + i] = dense[i];
  }
  return strides;
}

}  // namespace quant
