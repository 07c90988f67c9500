// SPDX-License-Identifier: MIT
// Sum, Mean, Max and Min of any number of broadcast inputs; Clip and Where, which choose among
// theirs.
#include <algorithm>
#include <array>

#include "quant/graph/operators/elementwise.h"
#include "quant/graph/operators/extreme_values.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

struct Plus {
  template <typename T>
  T operator()(T a, T b) const {
    return a + b;
  }
};

// A NaN in either input stays.
struct Larger {
  template <typename T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

struct Smaller {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

template <typename Function, typename Types>
Status compute_variadic(const NodeContext& context, std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  visit_type(Types{}, out.type(), [&]<typename T>(std::type_identity<T>) {
    const Tensor& first = *context.constants[0];
    if (context.constants.size() == 1) {
      out = first;
      return;
    }
    map_binary<T, T, T>(first, *context.constants[1], out, Function{});
    for (std::size_t i = 2; i < context.constants.size(); ++i) {
      map_binary<T, T, T>(out, *context.constants[i], out, Function{});
    }
  });
  return {};
}

Status compute_mean(const NodeContext& context, std::span<Tensor> outputs) {
  if (context.constants.size() == 1) return compute_variadic<Plus, FloatTypes>(context, outputs);
  QUANT_TRY((compute_variadic<Plus, FloatTypes>(context, outputs)));
  visit_type(FloatTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
    const T count = static_cast<T>(context.constants.size());
    for (T& value : outputs[0].data<T>()) value /= count;
  });
  return {};
}

// Inputs: x, min, max; an absent bound does not bind.
Result<std::vector<TensorType>> infer_clip(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* input, required_type<NumericTypes>(context, 0));
  for (const std::size_t bound : {1, 2}) {
    QUANT_TRY(check_type(context, bound, input->type));
    QUANT_TRY(check_single(context, bound));
  }
  return std::vector<TensorType>{*input};
}

Status compute_clip(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const Tensor* const lower = constant_input(context, 1);
  const Tensor* const upper = constant_input(context, 2);
  visit_type(NumericTypes{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    const T low = lower == nullptr ? lowest_value<T>() : lower->data<T>()[0];
    const T high = upper == nullptr ? highest_value<T>() : upper->data<T>()[0];
    const std::span<const T> from = input.data<T>();
    T* const to = outputs[0].data<T>().data();
    // Where min > max all becomes max; a NaN stays.
    for (std::size_t i = 0; i < from.size(); ++i) {
      const T raised = from[i] < low ? low : from[i];
      to[i] = raised > high ? high : raised;
    }
  });
  return {};
}

// Inputs: condition, x, y.
Result<std::vector<TensorType>> infer_where(const NodeContext& context) {
  QUANT_TRY(required_type<BoolType>(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* x, required_type(context, 1));
  QUANT_TRY(required_type(context, 2));
  QUANT_TRY(check_type(context, 2, x->type));
  QUANT_TRY_ASSIGN(Shape shape, broadcast_inputs(context));
  return std::vector<TensorType>{{x->type, std::move(shape)}};
}

Status compute_where(const NodeContext& context, std::span<Tensor> outputs) {
  const Shape& shape = outputs[0].shape();
  const auto strides = [&](std::size_t input) {
    return broadcast_strides(context.constants[input]->shape(), shape);
  };
  const StridedLoop<4> loop(shape, {strides(0), strides(1), strides(2), row_major_strides(shape)});
  const std::uint8_t* const condition = context.constants[0]->data<std::uint8_t>().data();
  visit_size(outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
    const T* const x = reinterpret_cast<const T*>(context.constants[1]->raw());
    const T* const y = reinterpret_cast<const T*>(context.constants[2]->raw());
    T* const out = reinterpret_cast<T*>(outputs[0].raw());
    const std::int64_t count = loop.row_size();
    const auto step = loop.row_step();
    const bool dense = step[0] == 1 && step[1] == 1 && step[2] == 1;
    loop.for_each_row([&](const auto& offset) {
      const std::uint8_t* const c = condition + offset[0];
      const T* const a = x + offset[1];
      const T* const b = y + offset[2];
      T* const to = out + offset[3];
      if (dense) {
        for (std::int64_t i = 0; i < count; ++i) to[i] = c[i] != 0 ? a[i] : b[i];
        return;
      }
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = c[i * step[0]] != 0 ? a[i * step[1]] : b[i * step[2]];
      }
    });
  });
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_broadcast<FloatTypes>, compute_variadic<Plus, FloatTypes>,
                      BufferFill::kUndefined>(OpKind::kSum, 1, -1),
    computed_operator<infer_broadcast<FloatTypes>, compute_mean, BufferFill::kUndefined>(
        OpKind::kMean, 1, -1),
    computed_operator<infer_broadcast<NumericTypes>, compute_variadic<Larger, NumericTypes>,
                      BufferFill::kUndefined>(OpKind::kMax, 1, -1),
    computed_operator<infer_broadcast<NumericTypes>, compute_variadic<Smaller, NumericTypes>,
                      BufferFill::kUndefined>(OpKind::kMin, 1, -1),
    computed_operator<infer_clip, compute_clip, BufferFill::kUndefined>(OpKind::kClip, 1, 3),
    computed_operator<infer_where, compute_where, BufferFill::kUndefined>(OpKind::kWhere, 3, 3),
};

}  // namespace

std::span<const Operator> variadic_operators() { return kOperators; }

}  // namespace quant
