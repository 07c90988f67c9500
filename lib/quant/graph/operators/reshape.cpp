// SPDX-License-Identifier: MIT
// The same elements under another shape: Reshape, Flatten, Squeeze, Unsqueeze. The outputs share
// the elements of the inputs.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

// `asked` with its zeros copied from the input; the -1 stays.
Result<Shape> copied_dimensions(const Shape& asked, const Shape& input, bool allow_zero) {
  Shape shape = asked;
  bool inferred = false;
  bool zero = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < -1) {
      return fail(ErrorCode::kInvalidData, fmt::format("cannot reshape to {}", to_string(asked)));
    }
    if (shape[i] == -1) {
      if (inferred) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("the shape {} has more than one -1", to_string(asked)));
      }
      inferred = true;
    } else if (shape[i] == 0 && !allow_zero) {
      if (i >= input.size()) {
        return fail(ErrorCode::kInvalidData, fmt::format("the shape {} copies dimension {} of {}",
                                                         to_string(asked), i, to_string(input)));
      }
      shape[i] = input[i];
    }
    zero = zero || asked[i] == 0;
  }
  if (allow_zero && zero && inferred) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the shape {} has a 0 and a -1", to_string(asked)));
  }
  return shape;
}

// Inputs: data, shape.
Result<std::vector<TensorType>> infer_reshape(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList asked, required_integer_list(context, 1));
  if (!asked.values) {
    if (asked.length < 0) {
      return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
    }
    QUANT_TRY(checked_element_count({asked.length}));
    return std::vector<TensorType>{{data->type, Shape(static_cast<std::size_t>(asked.length), -1)}};
  }
  const bool allow_zero = context.node.attributes.integer("allowzero", 0) != 0;
  QUANT_TRY_ASSIGN(Shape shape, copied_dimensions(*asked.values, data->shape, allow_zero));
  // What an unknown dimension was copied to stays unknown; only the asked -1 may be worked out.
  if (!is_static(data->shape)) return std::vector<TensorType>{{data->type, std::move(shape)}};
  QUANT_TRY_ASSIGN(const std::int64_t elements, checked_element_count(data->shape));
  Shape others = shape;
  std::replace(others.begin(), others.end(), std::int64_t{-1}, std::int64_t{1});
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(others));
  const auto inferred = std::find(shape.begin(), shape.end(), -1);
  const bool fits =
      inferred == shape.end() ? count == elements : count > 0 && elements % count == 0;
  if (!fits) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("cannot reshape {} to {}", to_string(data->shape), to_string(*asked.values)));
  }
  if (inferred != shape.end()) *inferred = elements / count;
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

Result<std::vector<TensorType>> infer_flatten(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  const Shape& shape = data->shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  std::int64_t axis = context.node.attributes.integer("axis", 1);
  if (axis < -rank || axis > rank) {  // the rank itself is allowed here
    return fail(ErrorCode::kInvalidData,
                fmt::format("axis {} does not exist in {} dimensions", axis, rank));
  }
  if (axis < 0) axis += rank;
  const auto product = [](const Shape& part) -> Result<std::int64_t> {
    if (!is_static(part)) return -1;
    return checked_element_count(part);
  };
  const auto middle = shape.begin() + static_cast<std::ptrdiff_t>(axis);
  QUANT_TRY_ASSIGN(const std::int64_t rows, product({shape.begin(), middle}));
  QUANT_TRY_ASSIGN(const std::int64_t columns, product({middle, shape.end()}));
  return std::vector<TensorType>{{data->type, {rows, columns}}};
}

// Inputs: data, axes.
Result<std::vector<TensorType>> infer_squeeze(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList axes, integer_list(context, 1));
  const Shape& shape = data->shape;
  std::vector<bool> drop(shape.size(), false);
  if (!axes.present) {
    if (!is_static(shape)) {
      return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
    }
    for (std::size_t i = 0; i < shape.size(); ++i) drop[i] = shape[i] == 1;
  } else if (!axes.values) {
    if (axes.length < 0 || axes.length > static_cast<std::int64_t>(shape.size())) {
      return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
    }
    return std::vector<TensorType>{
        {data->type, Shape(shape.size() - static_cast<std::size_t>(axes.length), -1)}};
  } else {
    QUANT_TRY_ASSIGN(const std::vector<std::size_t> list,
                     normalized_axes(*axes.values, shape.size()));
    for (const std::size_t axis : list) {
      if (shape[axis] != 1 && shape[axis] != -1) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("dimension {} of {} is not 1", axis, to_string(shape)));
      }
      drop[axis] = true;
    }
  }
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (!drop[i]) result.push_back(shape[i]);
  }
  return std::vector<TensorType>{{data->type, std::move(result)}};
}

// Inputs: data, axes (of the output).
Result<std::vector<TensorType>> infer_unsqueeze(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList axes, required_integer_list(context, 1));
  if (axes.length < 0) {
    return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
  }
  QUANT_TRY(checked_element_count({axes.length}));
  const std::size_t rank = data->shape.size() + static_cast<std::size_t>(axes.length);
  if (!axes.values) return std::vector<TensorType>{{data->type, Shape(rank, -1)}};
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> list, normalized_axes(*axes.values, rank));
  Shape result(rank, 0);
  for (const std::size_t axis : list) result[axis] = 1;
  auto next = data->shape.begin();
  std::vector<bool> added(rank, false);
  for (const std::size_t axis : list) added[axis] = true;
  for (std::size_t i = 0; i < rank; ++i) {
    if (!added[i]) result[i] = *next++;
  }
  return std::vector<TensorType>{{data->type, std::move(result)}};
}

constexpr std::array kOperators = {
    computed_operator<infer_flatten, nullptr>(OpKind::kFlatten, 1, 1),
    computed_operator<infer_reshape, nullptr>(OpKind::kReshape, 2, 2),
    computed_operator<infer_squeeze, nullptr>(OpKind::kSqueeze, 1, 2),
    computed_operator<infer_unsqueeze, nullptr>(OpKind::kUnsqueeze, 2, 2),
};

}  // namespace

std::span<const Operator> reshape_operators() { return kOperators; }

}  // namespace quant
