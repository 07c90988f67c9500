// SPDX-License-Identifier: MIT
// Operators that find or mark elements: TopK, OneHot, NonZero, Compress.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/cast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

Result<std::size_t> top_k_axis(const NodeContext& context) {
  return normalized_axis(context.node.attributes.integer("axis", -1),
                         context.types[0]->shape.size());
}

// Inputs: data, k. Outputs: values, indices.
Result<std::vector<TensorType>> infer_top_k(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<NumericTypes>(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList k, required_integer_list(context, 1));
  QUANT_TRY(check_single(context, 1));
  QUANT_TRY_ASSIGN(const std::size_t axis, top_k_axis(context));
  Shape shape = data->shape;
  if (k.values) {
    const std::int64_t count = k.values->front();
    if (count < 0 || (shape[axis] >= 0 && count > shape[axis])) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("cannot take {} of {} elements", count, shape[axis]));
    }
    shape[axis] = count;
  } else {
    shape[axis] = -1;
  }
  return std::vector<TensorType>{{data->type, shape}, {DataType::kInt64, shape}};
}

// A total order even with NaN, which is the largest: sorting needs one.
template <typename T>
bool larger(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(b)) return false;
    if (std::isnan(a)) return true;
  }
  return a > b;
}

// Equal elements in the order of their indices.
Status compute_top_k(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::size_t axis, top_k_axis(context));
  const bool largest = context.node.attributes.integer("largest", 1) != 0;
  const AxisSpan span = axis_span(input.shape(), axis);
  const std::int64_t count = outputs[0].shape()[axis];
  std::vector<std::int64_t> order(static_cast<std::size_t>(span.size));
  std::int64_t* const indices = outputs[1].data<std::int64_t>().data();
  visit_type(NumericTypes{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    T* const values = outputs[0].data<T>().data();
    for (std::int64_t lane = 0; lane < span.outer * span.inner; ++lane) {
      const std::int64_t outer = lane / span.inner;
      const std::int64_t inner = lane % span.inner;
      const T* const from = input.data<T>().data() + outer * span.size * span.inner + inner;
      const auto before = [&](std::int64_t a, std::int64_t b) {
        const T x = from[a * span.inner];
        const T y = from[b * span.inner];
        if (larger(x, y)) return largest;
        if (larger(y, x)) return !largest;
        return a < b;
      };
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
      const std::int64_t to = outer * count * span.inner + inner;
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t index = order[static_cast<std::size_t>(i)];
        values[to + i * span.inner] = from[index * span.inner];
        indices[to + i * span.inner] = index;
      }
    }
  });
  return {};
}

// Where the new axis of OneHot stands in the output.
Result<std::size_t> one_hot_axis(const NodeContext& context) {
  return normalized_axis(context.node.attributes.integer("axis", -1),
                         context.types[0]->shape.size() + 1);
}

// Inputs: indices, depth, values (off, on).
Result<std::vector<TensorType>> infer_one_hot(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* indices, required_type<NumericTypes>(context, 0));
  QUANT_TRY(required_type<NumericTypes>(context, 1));
  QUANT_TRY(check_single(context, 1));
  QUANT_TRY_ASSIGN(const TensorType* values, required_type(context, 2));
  if (values->shape.size() != 1 || (values->shape[0] != 2 && values->shape[0] != -1)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("values have shape {}, expected 2", to_string(values->shape)));
  }
  QUANT_TRY_ASSIGN(const std::size_t axis, one_hot_axis(context));
  std::int64_t depth = -1;
  if (const Tensor* tensor = constant_input(context, 1)) {
    depth = cast(*tensor, DataType::kInt64).data<std::int64_t>()[0];
    if (depth < 1) return fail(ErrorCode::kInvalidData, fmt::format("depth is {}", depth));
  }
  Shape shape = indices->shape;
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), depth);
  return std::vector<TensorType>{{values->type, std::move(shape)}};
}

// An index outside [−depth, depth − 1] marks nothing.
Status compute_one_hot(const NodeContext& context, std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  QUANT_TRY_ASSIGN(const std::size_t axis, one_hot_axis(context));
  const Tensor wide = cast(*context.constants[0], DataType::kInt64);
  const AxisSpan span = axis_span(out.shape(), axis);
  visit_size(out.type(), [&]<typename T>(std::type_identity<T>) {
    const T* const values = reinterpret_cast<const T*>(context.constants[2]->raw());
    T* const to = reinterpret_cast<T*>(out.raw());
    std::fill_n(to, out.elements(), values[0]);
    const std::int64_t* index = wide.data<std::int64_t>().data();
    for (std::int64_t outer = 0; outer < span.outer; ++outer) {
      for (std::int64_t inner = 0; inner < span.inner; ++inner, ++index) {
        if (*index < -span.size || *index >= span.size) continue;
        const std::int64_t position = *index < 0 ? *index + span.size : *index;
        to[(outer * span.size + position) * span.inner + inner] = values[1];
      }
    }
  });
  return {};
}

template <typename T>
std::vector<std::int64_t> nonzero_positions(std::span<const T> values) {
  std::vector<std::int64_t> positions;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] != T{0}) positions.push_back(static_cast<std::int64_t>(i));
  }
  return positions;
}

std::vector<std::int64_t> nonzero_positions(const Tensor& tensor) {
  std::vector<std::int64_t> positions;
  visit_type(AnyTypes{}, tensor.type(), [&]<typename T>(std::type_identity<T>) {
    positions = nonzero_positions<T>(tensor.data<T>());
  });
  return positions;
}

// Output: one row per dimension of the input, one column per element that is not 0.
Result<std::vector<TensorType>> infer_nonzero(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  std::int64_t found = -1;
  if (const Tensor* tensor = constant_input(context, 0)) {
    found = static_cast<std::int64_t>(nonzero_positions(*tensor).size());
  }
  const auto rank = static_cast<std::int64_t>(data->shape.size());
  return std::vector<TensorType>{{DataType::kInt64, {rank, found}}};
}

Status compute_nonzero(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const std::vector<std::int64_t> positions = nonzero_positions(input);
  const std::vector<std::int64_t> strides = row_major_strides(input.shape());
  std::int64_t* to = outputs[0].data<std::int64_t>().data();
  for (std::size_t dim = 0; dim < strides.size(); ++dim) {
    for (const std::int64_t position : positions) {
      *to++ = position / strides[dim] % input.shape()[dim];
    }
  }
  return {};
}

// Nothing where Compress works on the flattened input.
Result<std::optional<std::size_t>> compress_axis(const NodeContext& context) {
  if (!context.node.attributes.has("axis")) return std::nullopt;
  QUANT_TRY_ASSIGN(
      const std::size_t axis,
      normalized_axis(context.node.attributes.integer("axis", 0), context.types[0]->shape.size()));
  return axis;
}

// Inputs: data, condition (bool, may be shorter than the axis).
Result<std::vector<TensorType>> infer_compress(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* condition, required_type<BoolType>(context, 1));
  QUANT_TRY_ASSIGN(const std::optional<std::size_t> axis, compress_axis(context));
  if (condition->shape.size() != 1) {
    return fail(ErrorCode::kInvalidData, fmt::format("the condition has shape {}, expected a list",
                                                     to_string(condition->shape)));
  }
  std::int64_t size = -1;
  if (axis) {
    size = data->shape[*axis];
  } else if (is_static(data->shape)) {
    QUANT_TRY_ASSIGN(size, checked_element_count(data->shape));
  }
  if (size >= 0 && condition->shape[0] > size) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("a condition of {} for {} elements", condition->shape[0], size));
  }
  std::int64_t chosen = -1;
  if (const Tensor* tensor = constant_input(context, 1)) {
    chosen = static_cast<std::int64_t>(nonzero_positions(*tensor).size());
  }
  Shape shape = axis ? data->shape : Shape{0};
  shape[axis.value_or(0)] = chosen;
  return std::vector<TensorType>{{data->type, std::move(shape)}};
}

Status compute_compress(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::optional<std::size_t> axis, compress_axis(context));
  const std::vector<std::int64_t> chosen = nonzero_positions(*context.constants[1]);
  const AxisSpan span = axis ? axis_span(input.shape(), *axis) : AxisSpan{.size = input.elements()};
  const std::size_t chunk = static_cast<std::size_t>(span.inner) * size_of(input.type());
  std::byte* to = outputs[0].raw();
  for (std::int64_t outer = 0; outer < span.outer; ++outer) {
    for (const std::int64_t position : chosen) {
      std::memcpy(to, input.raw() + static_cast<std::size_t>(outer * span.size + position) * chunk,
                  chunk);
      to += chunk;
    }
  }
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_compress, compute_compress>(OpKind::kCompress, 2, 2),
    computed_operator<infer_nonzero, compute_nonzero>(OpKind::kNonZero, 1, 1),
    computed_operator<infer_one_hot, compute_one_hot>(OpKind::kOneHot, 3, 3),
    computed_operator<infer_top_k, compute_top_k>(OpKind::kTopK, 2, 2),
};

}  // namespace

std::span<const Operator> selection_operators() { return kOperators; }

}  // namespace quant
