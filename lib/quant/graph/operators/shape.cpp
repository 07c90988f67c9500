// SPDX-License-Identifier: MIT
// Operators about shapes, and those that make tensors from a description: Shape, Size, Range,
// ConstantOfShape, EyeLike.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/cast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

struct DimensionRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Attributes start and end: negative ones count from the last dimension, then both are clamped.
DimensionRange dimension_range(const Attributes& attributes, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  const auto bound = [&](std::int64_t value) {
    return std::clamp<std::int64_t>(value < 0 ? value + size : value, 0, size);
  };
  const std::int64_t begin = bound(attributes.integer("start", 0));
  const std::int64_t end = bound(attributes.integer("end", size));
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(std::max(begin, end))};
}

Result<std::vector<TensorType>> infer_shape(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  const auto [begin, end] = dimension_range(context.node.attributes, data->shape.size());
  return std::vector<TensorType>{{DataType::kInt64, {static_cast<std::int64_t>(end - begin)}}};
}

Status compute_shape(const NodeContext& context, std::span<Tensor> outputs) {
  const Shape& shape = context.types[0]->shape;
  const auto [begin, end] = dimension_range(context.node.attributes, shape.size());
  const auto first = shape.begin();
  std::copy(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end),
            outputs[0].data<std::int64_t>().begin());
  return {};
}

Result<std::vector<TensorType>> infer_size(const NodeContext& context) {
  QUANT_TRY(required_type(context, 0));
  return std::vector<TensorType>{{DataType::kInt64, {}}};
}

Status compute_size(const NodeContext& context, std::span<Tensor> outputs) {
  outputs[0].data<std::int64_t>()[0] = context.constants[0]->elements();
  return {};
}

using RangeTypes = TypeList<float, double, std::int16_t, std::int32_t, std::int64_t>;

// ⌈(limit − start) / delta⌉, at least 0.
template <typename T>
Result<std::int64_t> range_count(T start, T limit, T delta) {
  if (delta == T{0}) return fail(ErrorCode::kInvalidData, "delta is 0");
  if constexpr (std::is_floating_point_v<T>) {
    const double count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) /
                                   static_cast<double>(delta));
    if (!(count <= static_cast<double>(kMaxElements))) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("a range from {} to {} by {} is too long", start, limit, delta));
    }
    return static_cast<std::int64_t>(std::max(count, 0.0));
  } else {
    if (delta > 0 ? limit <= start : limit >= start) return 0;
    // Unsigned: the distance between two 64-bit integers may pass the signed range.
    const auto low = static_cast<std::uint64_t>(std::min(start, limit));
    const auto high = static_cast<std::uint64_t>(std::max(start, limit));
    const auto wide_delta = static_cast<std::uint64_t>(delta);
    const std::uint64_t step = delta > 0 ? wide_delta : std::uint64_t{0} - wide_delta;
    const std::uint64_t count = (high - low - 1) / step + 1;
    if (count > static_cast<std::uint64_t>(kMaxElements)) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("a range from {} to {} by {} is too long", start, limit, delta));
    }
    return static_cast<std::int64_t>(count);
  }
}

// Inputs: start, limit, delta.
Result<std::vector<TensorType>> infer_range(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* start, required_type<RangeTypes>(context, 0));
  bool known = true;
  for (const std::size_t input : {0, 1, 2}) {
    QUANT_TRY(required_type(context, input));
    QUANT_TRY(check_type(context, input, start->type));
    QUANT_TRY(check_single(context, input));
    known = known && constant_input(context, input) != nullptr;
  }
  Result<std::int64_t> count = -1;
  if (known) {
    visit_type(RangeTypes{}, start->type, [&]<typename T>(std::type_identity<T>) {
      count = range_count(context.constants[0]->data<T>()[0], context.constants[1]->data<T>()[0],
                          context.constants[2]->data<T>()[0]);
    });
  }
  if (!count) return tl::unexpected(std::move(count).error());
  return std::vector<TensorType>{{start->type, {*count}}};
}

Status compute_range(const NodeContext& context, std::span<Tensor> outputs) {
  visit_type(RangeTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
    // Wide enough that no intermediate value overflows where the elements themselves do not.
    using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
    const auto start = static_cast<Wide>(context.constants[0]->data<T>()[0]);
    const auto delta = static_cast<Wide>(context.constants[2]->data<T>()[0]);
    const std::span<T> to = outputs[0].data<T>();
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = static_cast<T>(start + static_cast<Wide>(i) * delta);
    }
  });
  return {};
}

// Input: the shape. Attribute: a tensor of one element.
Result<std::vector<TensorType>> infer_constant_of_shape(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const IntegerList asked, required_integer_list(context, 0));
  const Tensor value = context.node.attributes.get<Tensor>("value", Tensor::scalar(0.0F));
  if (value.elements() != 1) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("value has shape {}, expected one element", to_string(value.shape())));
  }
  Shape shape;
  if (asked.values) {
    shape = *asked.values;
    QUANT_TRY(checked_element_count(shape));
  } else if (asked.length >= 0) {
    QUANT_TRY(checked_element_count({asked.length}));
    shape.assign(static_cast<std::size_t>(asked.length), -1);
  } else {
    return fail(ErrorCode::kUnsupported, "the number of dimensions is only known at run time");
  }
  return std::vector<TensorType>{{value.type(), std::move(shape)}};
}

Status compute_constant_of_shape(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor value = context.node.attributes.get<Tensor>("value", Tensor::scalar(0.0F));
  visit_size(value.type(), [&]<typename T>(std::type_identity<T>) {
    std::fill_n(reinterpret_cast<T*>(outputs[0].raw()), outputs[0].elements(),
                *reinterpret_cast<const T*>(value.raw()));
  });
  return {};
}

Result<std::vector<TensorType>> infer_eye_like(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  if (data->shape.size() != 2) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the input {} is no matrix", to_string(data->shape)));
  }
  TensorType result = *data;
  if (context.node.attributes.has("dtype")) {
    QUANT_TRY_ASSIGN(result.type, data_type_of_number(context.node.attributes.integer("dtype", 0)));
  }
  return std::vector<TensorType>{std::move(result)};
}

Status compute_eye_like(const NodeContext& context, std::span<Tensor> outputs) {
  const std::int64_t rows = outputs[0].shape()[0];
  const std::int64_t columns = outputs[0].shape()[1];
  const std::int64_t k = std::clamp(context.node.attributes.integer("k", 0), -rows, columns);
  visit_type(AnyTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
    T* const to = outputs[0].data<T>().data();
    for (std::int64_t row = std::max<std::int64_t>(0, -k); row < std::min(rows, columns - k);
         ++row) {
      to[row * columns + row + k] = T{1};
    }
  });
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_constant_of_shape, compute_constant_of_shape>(OpKind::kConstantOfShape,
                                                                          1, 1),
    computed_operator<infer_eye_like, compute_eye_like>(OpKind::kEyeLike, 1, 1),
    computed_operator<infer_range, compute_range>(OpKind::kRange, 3, 3),
    computed_operator<infer_shape, compute_shape>(OpKind::kShape, 1, 1),
    computed_operator<infer_size, compute_size>(OpKind::kSize, 1, 1),
};

}  // namespace

std::span<const Operator> shape_operators() { return kOperators; }

}  // namespace quant
