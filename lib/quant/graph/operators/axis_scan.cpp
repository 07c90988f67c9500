// SPDX-License-Identifier: MIT
// Operators that walk along one axis: ArgMax, ArgMin and CumSum.
#include <algorithm>
#include <array>
#include <cmath>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/wrapping.h"

namespace quant {
namespace {

Result<std::size_t> arg_axis(const NodeContext& context) {
  return normalized_axis(context.node.attributes.integer("axis", 0),
                         context.types[0]->shape.size());
}

Result<std::vector<TensorType>> infer_arg(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<NumericTypes>(context, 0));
  QUANT_TRY_ASSIGN(const std::size_t axis, arg_axis(context));
  Shape shape = data->shape;
  if (shape[axis] == 0) {
    return fail(ErrorCode::kInvalidData, "there is no largest or smallest of no elements");
  }
  if (context.node.attributes.integer("keepdims", 1) != 0)
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  return std::vector<TensorType>{{DataType::kInt64, std::move(shape)}};
}

// The first NaN wins, as in numpy; of equal elements the first or the last.
template <typename T, bool kLargest, bool kLast>
bool takes_over(T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(best)) return false;
    if (std::isnan(x)) return true;
  }
  if (kLast && x == best) return true;
  return kLargest ? x > best : x < best;
}

template <bool kLargest, bool kLast>
void find_along_axis(const Tensor& input, const AxisSpan& span, std::int64_t* to) {
  visit_type(NumericTypes{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    const T* from = input.data<T>().data();
    std::vector<T> best(static_cast<std::size_t>(span.inner));
    for (std::int64_t outer = 0; outer < span.outer; ++outer, to += span.inner) {
      std::copy_n(from, span.inner, best.begin());
      from += span.inner;
      for (std::int64_t i = 1; i < span.size; ++i, from += span.inner) {
        for (std::int64_t k = 0; k < span.inner; ++k) {
          T& leader = best[static_cast<std::size_t>(k)];
          if (takes_over<T, kLargest, kLast>(from[k], leader)) {
            leader = from[k];
            to[k] = i;
          }
        }
      }
    }
  });
}

template <bool kLargest>
Status compute_arg(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::size_t axis, arg_axis(context));
  const AxisSpan span = axis_span(input.shape(), axis);
  std::int64_t* const to = outputs[0].data<std::int64_t>().data();
  if (context.node.attributes.integer("select_last_index", 0) != 0) {
    find_along_axis<kLargest, true>(input, span, to);
  } else {
    find_along_axis<kLargest, false>(input, span, to);
  }
  return {};
}

using SumTypes = TypeList<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;

// Inputs: data, axis.
Result<std::vector<TensorType>> infer_cumulative_sum(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<SumTypes>(context, 0));
  QUANT_TRY_ASSIGN(const IntegerList axis, required_integer_list(context, 1));
  QUANT_TRY(check_single(context, 1));
  if (axis.values) QUANT_TRY(normalized_axis(axis.values->front(), data->shape.size()));
  return std::vector<TensorType>{*data};
}

Status compute_cumulative_sum(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(integers_of(*context.constants[1])[0], input.rank()));
  const bool exclusive = context.node.attributes.integer("exclusive", 0) != 0;
  const bool reverse = context.node.attributes.integer("reverse", 0) != 0;
  const AxisSpan span = axis_span(input.shape(), axis);
  visit_type(SumTypes{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    using Sum = std::conditional_t<std::is_floating_point_v<T>, double, T>;
    const T* const from = input.data<T>().data();
    T* const to = outputs[0].data<T>().data();
    std::vector<Sum> sums(static_cast<std::size_t>(span.inner));
    for (std::int64_t outer = 0; outer < span.outer; ++outer) {
      std::fill(sums.begin(), sums.end(), Sum{0});
      for (std::int64_t i = 0; i < span.size; ++i) {
        const std::int64_t position = reverse ? span.size - 1 - i : i;
        const std::int64_t row = (outer * span.size + position) * span.inner;
        for (std::int64_t k = 0; k < span.inner; ++k) {
          Sum& sum = sums[static_cast<std::size_t>(k)];
          if (exclusive) to[row + k] = static_cast<T>(sum);
          sum = wrapping_add<Sum>(sum, from[row + k]);
          if (!exclusive) to[row + k] = static_cast<T>(sum);
        }
      }
    }
  });
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_arg, compute_arg<true>>(OpKind::kArgMax, 1, 1),
    computed_operator<infer_arg, compute_arg<false>>(OpKind::kArgMin, 1, 1),
    computed_operator<infer_cumulative_sum, compute_cumulative_sum>(OpKind::kCumSum, 2, 2),
};

}  // namespace

std::span<const Operator> axis_scan_operators() { return kOperators; }

}  // namespace quant
