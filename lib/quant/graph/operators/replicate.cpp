// SPDX-License-Identifier: MIT
// Repeating what is there: Tile, Expand.
#include <fmt/format.h>

#include <array>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/broadcast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/strided_copy.h"

namespace quant {
namespace {

// Inputs: data, repeats.
Result<std::vector<TensorType>> infer_tile(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList repeats, required_integer_list(context, 1));
  const std::size_t rank = data->shape.size();
  if (repeats.length >= 0 && repeats.length != static_cast<std::int64_t>(rank)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("has {} repeats for {} dimensions", repeats.length, rank));
  }
  TensorType result = *data;
  for (std::size_t i = 0; i < rank; ++i) {
    std::int64_t& dim = result.shape[i];
    if (!repeats.values) {
      dim = -1;
      continue;
    }
    const std::int64_t repeat = (*repeats.values)[i];
    if (repeat < 0) {
      return fail(ErrorCode::kInvalidData, fmt::format("cannot repeat {} times", repeat));
    }
    if (dim < 0) continue;
    QUANT_TRY_ASSIGN(dim, checked_product(dim, repeat));
  }
  return std::vector<TensorType>{std::move(result)};
}

Status compute_tile(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const std::vector<std::int64_t> repeats = integers_of(*context.constants[1]);
  const std::vector<std::int64_t> dense = row_major_strides(input.shape());
  // Every axis as two: the repetitions, which step nowhere, and the input's own.
  Shape shape;
  std::vector<std::int64_t> strides;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    shape.insert(shape.end(), {repeats[i], input.shape()[i]});
    strides.insert(strides.end(), {0, dense[i]});
  }
  strided_copy(shape, input, 0, strides, outputs[0]);
  return {};
}

// Inputs: data, shape; the two broadcast together.
Result<std::vector<TensorType>> infer_expand(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList asked, required_integer_list(context, 1));
  Shape target;
  if (asked.values) {
    target = *asked.values;
    for (const std::int64_t dim : target) {
      if (dim < 0) {
        return fail(ErrorCode::kInvalidData, fmt::format("cannot expand to {}", to_string(target)));
      }
    }
  } else if (asked.length >= 0) {
    QUANT_TRY(checked_element_count({asked.length}));
    target.assign(static_cast<std::size_t>(asked.length), -1);
  } else {
    return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
  }
  QUANT_TRY_ASSIGN(Shape shape, broadcast_shapes(data->shape, target));
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

Status compute_expand(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const Shape& shape = outputs[0].shape();
  strided_copy(shape, input, 0, broadcast_strides(input.shape(), shape), outputs[0]);
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_expand, compute_expand, BufferFill::kUndefined>(OpKind::kExpand, 2, 2),
    computed_operator<infer_tile, compute_tile, BufferFill::kUndefined>(OpKind::kTile, 2, 2),
};

}  // namespace

std::span<const Operator> replicate_operators() { return kOperators; }

}  // namespace quant
