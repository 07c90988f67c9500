// SPDX-License-Identifier: MIT
// numpy's broadcasting: shapes aligned at their last dimension, a 1 stretched to the other's size.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/operator.h"

namespace quant {

// -1 where a dimension depends on data. InvalidData naming both shapes where they do not fit.
Result<Shape> broadcast_shapes(const Shape& a, const Shape& b);
// Of all inputs that are there, from input 0 on.
Result<Shape> broadcast_inputs(const NodeContext& context);
// Whether `from` broadcasts to exactly `to` (unidirectional); a -1 on either side fits anything.
bool broadcasts_to(const Shape& from, const Shape& to);
// Steps of a dense tensor of shape `from` over the dimensions of `to`: 0 where it is stretched.
// Precondition: both static, broadcasts_to(from, to).
std::vector<std::int64_t> broadcast_strides(const Shape& from, const Shape& to);

}  // namespace quant
