// SPDX-License-Identifier: MIT
// From a run-time element type to code written once for all element types of an operator.
#pragma once

#include <cstdint>
#include <type_traits>

#include "quant/tensor/data_type.h"

namespace quant {

template <typename... Types>
struct TypeList {
  static constexpr bool contains(DataType type) {
    return ((DataTypeOf<Types>::value == type) || ...);
  }
};

using BoolType = TypeList<bool>;
using FloatTypes = TypeList<float, double>;
using IndexTypes = TypeList<std::int32_t, std::int64_t>;
using UnsignedTypes = TypeList<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>;
using SignedTypes = TypeList<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
using NumericTypes = TypeList<float, double, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                              std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
using AnyTypes = TypeList<float, double, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t,
                          std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, bool>;

// Calls function(std::type_identity<T>{}) for the T of the list that stores `type`: a bool's T is
// std::uint8_t. Does nothing where the list has no such type; infer functions have refused it
// before.
template <typename... Types, typename Function>
void visit_type(TypeList<Types...>, DataType type, Function&& function) {
  const auto visit = [&]<typename T>(std::type_identity<T>) {
    using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
    if (DataTypeOf<T>::value == type) function(std::type_identity<Stored>{});
  };
  (visit(std::type_identity<Types>{}), ...);
}

// The same for operators that only move elements: T is the unsigned integer of the element's size.
template <typename Function>
void visit_size(DataType type, Function&& function) {
  switch (size_of(type)) {
    case 1:
      return function(std::type_identity<std::uint8_t>{});
    case 2:
      return function(std::type_identity<std::uint16_t>{});
    case 4:
      return function(std::type_identity<std::uint32_t>{});
    case 8:
      return function(std::type_identity<std::uint64_t>{});
  }
}

}  // namespace quant
