// SPDX-License-Identifier: MIT
// Reads the integers of an activation, whether they have 8 or 16 bits.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "quant/tensor/tensor.h"

namespace quant {

// visit(std::span<const std::uint16_t>) for uint16, else visit(std::span<const std::uint8_t>).
// Precondition: the tensor is one of the two.
template <typename Visit>
decltype(auto) visit_activation(const Tensor& tensor, Visit&& visit) {
  if (tensor.type() == DataType::kUint16)
    return std::forward<Visit>(visit)(tensor.data<std::uint16_t>());
  return std::forward<Visit>(visit)(tensor.data<std::uint8_t>());
}

// The greatest integer of an activation of that type.
constexpr int greatest_activation(DataType type) { return type == DataType::kUint16 ? 65535 : 255; }

}  // namespace quant
