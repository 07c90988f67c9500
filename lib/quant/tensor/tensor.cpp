// SPDX-License-Identifier: MIT
#include "quant/tensor/tensor.h"

#include <cstring>

namespace quant {

Tensor Tensor::clone() const {
  Tensor copy(type_, shape_);
  std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

}  // namespace quant
