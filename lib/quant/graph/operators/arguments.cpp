// SPDX-License-Identifier: MIT
#include "quant/graph/operators/arguments.h"

#include <fmt/format.h>

namespace quant {

const TensorType* optional_type(const NodeContext& context, std::size_t input) {
  return input < context.types.size() ? context.types[input] : nullptr;
}

const Tensor* constant_input(const NodeContext& context, std::size_t input) {
  return input < context.constants.size() ? context.constants[input] : nullptr;
}

Result<const TensorType*> required_type(const NodeContext& context, std::size_t input) {
  const TensorType* type = optional_type(context, input);
  if (type == nullptr) {
    return fail(ErrorCode::kInvalidData, fmt::format("input {} is missing", input));
  }
  return type;
}

tl::unexpected<Error> unsupported_type(DataType type, std::size_t input) {
  return fail(ErrorCode::kUnsupported,
              fmt::format("input {} cannot be {} in this operator", input, to_string(type)));
}

Status check_type(const NodeContext& context, std::size_t input, DataType expected) {
  const TensorType* type = optional_type(context, input);
  if (type != nullptr && type->type != expected) {
    return fail(ErrorCode::kInvalidData, fmt::format("input {} is {}, expected {}", input,
                                                     to_string(type->type), to_string(expected)));
  }
  return {};
}

Status check_single(const NodeContext& context, std::size_t input) {
  const TensorType* type = optional_type(context, input);
  if (type == nullptr) return {};
  for (const std::int64_t dim : type->shape) {
    if (dim != 1 && dim != -1) {
      return fail(ErrorCode::kInvalidData, fmt::format("input {} of shape {} must be a scalar",
                                                       input, to_string(type->shape)));
    }
  }
  return {};
}

Result<std::size_t> normalized_axis(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("axis {} does not exist in {} dimensions", axis, rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Result<std::vector<std::size_t>> normalized_axes(std::span<const std::int64_t> axes,
                                                 std::size_t rank) {
  std::vector<std::size_t> result;
  std::vector<bool> seen(rank, false);
  for (const std::int64_t axis : axes) {
    QUANT_TRY_ASSIGN(const std::size_t normalized, normalized_axis(axis, rank));
    if (seen[normalized]) {
      return fail(ErrorCode::kInvalidData, fmt::format("axis {} is given twice", axis));
    }
    seen[normalized] = true;
    result.push_back(normalized);
  }
  return result;
}

std::vector<std::int64_t> integers_of(const Tensor& tensor) {
  std::vector<std::int64_t> result;
  visit_type(IndexTypes{}, tensor.type(), [&]<typename T>(std::type_identity<T>) {
    const auto values = tensor.data<T>();
    result.assign(values.begin(), values.end());
  });
  return result;
}

Result<IntegerList> integer_list(const NodeContext& context, std::size_t input) {
  const TensorType* type = optional_type(context, input);
  if (type == nullptr) return IntegerList{};
  if (!IndexTypes::contains(type->type)) return unsupported_type(type->type, input);
  if (type->shape.size() > 1) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("input {} of shape {} must be a list of integers", input,
                            to_string(type->shape)));
  }
  IntegerList list{.present = true, .length = type->shape.empty() ? 1 : type->shape[0]};
  if (const Tensor* tensor = constant_input(context, input)) list.values = integers_of(*tensor);
  return list;
}

Result<IntegerList> required_integer_list(const NodeContext& context, std::size_t input) {
  QUANT_TRY(required_type(context, input));
  return integer_list(context, input);
}

AxisSpan axis_span(const Shape& shape, std::size_t axis) {
  AxisSpan span;
  for (std::size_t i = 0; i < axis; ++i) span.outer *= shape[i];
  span.size = shape[axis];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) span.inner *= shape[i];
  return span;
}

Result<std::int64_t> checked_sum(std::int64_t a, std::int64_t b) {
  if (a > kMaxElements || b > kMaxElements - a) {
    return fail(ErrorCode::kOutOfRange, fmt::format("a dimension of {} + {} is too large", a, b));
  }
  return a + b;
}

Result<std::int64_t> checked_product(std::int64_t a, std::int64_t b) {
  if (a > 0 && b > kMaxElements / a) {
    return fail(ErrorCode::kOutOfRange, fmt::format("a dimension of {} · {} is too large", a, b));
  }
  return a * b;
}

Result<std::int64_t> merged_dimension(std::int64_t a, std::int64_t b) {
  if (a == b || b == -1) return a;
  if (a == -1) return b;
  return fail(ErrorCode::kInvalidData, fmt::format("dimensions {} and {} do not match", a, b));
}

}  // namespace quant
