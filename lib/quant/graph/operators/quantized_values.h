// SPDX-License-Identifier: MIT
// Integer tensors as the quantization operators of ONNX read and write them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "quant/graph/operators/type_lists.h"
#include "quant/tensor/tensor.h"

namespace quant {

using StoredTypes = TypeList<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::int32_t>;

// Saturates an already rounded value.
template <typename T>
T saturate(float value) {
  if (std::isnan(value)) return 0;
  return static_cast<T>(std::clamp(value, static_cast<float>(std::numeric_limits<T>::lowest()),
                                   static_cast<float>(std::numeric_limits<T>::max())));
}

// Any integer tensor as int32; zero points and small weights.
inline std::vector<std::int32_t> widened(const Tensor& tensor) {
  std::vector<std::int32_t> values;
  visit_type(StoredTypes{}, tensor.type(), [&]<typename T>(std::type_identity<T>) {
    const std::span<const T> data = tensor.data<T>();
    values.assign(data.begin(), data.end());
  });
  return values;
}

}  // namespace quant
