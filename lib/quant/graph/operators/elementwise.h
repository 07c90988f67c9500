// SPDX-License-Identifier: MIT
// Element-wise operators as function objects: the loops over one and over two inputs, written once.
// A function object is made from the node's attributes if it has such a constructor. Its template
// call operator takes elements (bool as std::uint8_t) and returns what the output stores.
#pragma once

#include <algorithm>
#include <span>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/broadcast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/strided_loop.h"
#include "quant/graph/operators/type_lists.h"

namespace quant {

template <typename Function>
Function function_of(const Node& node) {
  if constexpr (std::is_constructible_v<Function, const Attributes&>) {
    return Function(node.attributes);
  } else {
    return Function{};
  }
}

// All inputs of one type of the list, broadcast together; one output of that type.
template <typename Types>
Result<std::vector<TensorType>> infer_broadcast(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* first, required_type<Types>(context, 0));
  for (std::size_t i = 1; i < context.types.size(); ++i) {
    QUANT_TRY(required_type(context, i));
    QUANT_TRY(check_type(context, i, first->type));
  }
  QUANT_TRY_ASSIGN(Shape shape, broadcast_inputs(context));
  return std::vector<TensorType>{{first->type, std::move(shape)}};
}

// The same with an output of bool.
template <typename Types>
Result<std::vector<TensorType>> infer_predicate(const NodeContext& context) {
  QUANT_TRY_ASSIGN(std::vector<TensorType> types, infer_broadcast<Types>(context));
  types[0].type = DataType::kBool;
  return types;
}

// Types: of the input. Output: std::uint8_t for predicates, void for the input's own type.
template <typename Function, typename Types, typename Output>
Status compute_unary(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  const auto function = function_of<Function>(context.node);
  visit_type(Types{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    using To = std::conditional_t<std::is_void_v<Output>, T, Output>;
    const std::span<const T> from = input.data<T>();
    To* const to = outputs[0].data<To>().data();
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = static_cast<To>(function(from[i]));
  });
  return {};
}

// out = function(a, b), both broadcast to out's shape. `out` may be `a` itself where the shapes
// agree.
template <typename To, typename A, typename B, typename Function>
void map_binary(const Tensor& a, const Tensor& b, Tensor& out, const Function& function) {
  const Shape shape = out.shape();
  const StridedLoop<3> loop(shape, {broadcast_strides(a.shape(), shape),
                                    broadcast_strides(b.shape(), shape), row_major_strides(shape)});
  const A* const a_data = a.data<A>().data();
  const B* const b_data = b.data<B>().data();
  To* const out_data = out.data<To>().data();
  const std::int64_t count = loop.row_size();
  const auto step = loop.row_step();  // 0 or 1: the operands are dense
  loop.for_each_row([&](const auto& offset) {
    const A* const x = a_data + offset[0];
    const B* const y = b_data + offset[1];
    To* const to = out_data + offset[2];
    if (step[0] == 1 && step[1] == 1) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(function(x[i], y[i]));
    } else if (step[0] == 1) {
      const B value = *y;
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(function(x[i], value));
    } else if (step[1] == 1) {
      const A value = *x;
      for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(function(value, y[i]));
    } else {
      std::fill_n(to, count, static_cast<To>(function(*x, *y)));
    }
  });
}

// Two inputs of one type.
template <typename Function, typename Types, typename Output>
Status compute_binary(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& a = *context.constants[0];
  const auto function = function_of<Function>(context.node);
  visit_type(Types{}, a.type(), [&]<typename T>(std::type_identity<T>) {
    using To = std::conditional_t<std::is_void_v<Output>, T, Output>;
    map_binary<To, T, T>(a, *context.constants[1], outputs[0], function);
  });
  return {};
}

template <typename Function, typename Types>
constexpr Operator unary_operator(OpKind kind) {
  return computed_operator<infer_broadcast<Types>, compute_unary<Function, Types, void>,
                           BufferFill::kUndefined>(kind, 1, 1);
}
template <typename Function, typename Types>
constexpr Operator binary_operator(OpKind kind) {
  return computed_operator<infer_broadcast<Types>, compute_binary<Function, Types, void>,
                           BufferFill::kUndefined>(kind, 2, 2);
}
template <typename Function, typename Types>
constexpr Operator unary_predicate(OpKind kind) {
  return computed_operator<infer_predicate<Types>, compute_unary<Function, Types, std::uint8_t>,
                           BufferFill::kUndefined>(kind, 1, 1);
}
template <typename Function, typename Types>
constexpr Operator binary_predicate(OpKind kind) {
  return computed_operator<infer_predicate<Types>, compute_binary<Function, Types, std::uint8_t>,
                           BufferFill::kUndefined>(kind, 2, 2);
}

}  // namespace quant
