// SPDX-License-Identifier: MIT
// Inputs of the operators that compute in float32 only.
#pragma once

#include <span>

#include "quant/graph/operators/arguments.h"

namespace quant {

// Of an input that must be there; errors as required_type.
inline Result<const TensorType*> float_input(const NodeContext& context, std::size_t input) {
  return required_type<TypeList<float>>(context, input);
}
// Null where the input is absent.
inline Result<const TensorType*> optional_float_input(const NodeContext& context,
                                                      std::size_t input) {
  if (optional_type(context, input) == nullptr) return nullptr;
  return float_input(context, input);
}

// Elements of an input of a node that runs; null where the optional input is absent.
inline const float* floats_of(std::span<const Tensor* const> inputs, std::size_t input) {
  return input < inputs.size() && inputs[input] != nullptr ? inputs[input]->data<float>().data()
                                                           : nullptr;
}

// Whether two dimensions can be the same; -1 is unknown.
inline bool may_equal(std::int64_t a, std::int64_t b) { return a == b || a < 0 || b < 0; }

// OutOfRange where a tensor of this shape, as far as it is known, would pass kMaxElements.
inline Status check_size(const Shape& shape) {
  if (is_static(shape)) QUANT_TRY(checked_element_count(shape));
  return {};
}

}  // namespace quant
