// SPDX-License-Identifier: MIT
// From the types of activations that a plan names to the C++ types that a loop is compiled for.
#pragma once

#include <cstdint>
#include <type_traits>

#include "quant/tensor/data_type.h"

namespace quant::integer {

template <typename T>
using Element = std::type_identity<T>;

// with_elements(function, a, b, …) calls function(Element<A>(), Element<B>(), …), each type uint8
// or uint16. The function returns the same type for all.
template <typename Function>
auto with_elements(const Function& function) {
  return function();
}
template <typename Function, typename... Types>
auto with_elements(const Function& function, DataType first, Types... rest) {
  const auto bind = [&](auto element) {
    return with_elements([&](auto... others) { return function(element, others...); }, rest...);
  };
  if (first == DataType::kUint16) return bind(Element<std::uint16_t>());
  return bind(Element<std::uint8_t>());
}

// Whether every one of them has 8 bits.
template <typename... Types>
bool all_bytes(Types... types) {
  return ((size_of(types) == 1) && ...);
}

}  // namespace quant::integer
