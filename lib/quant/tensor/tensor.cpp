// SPDX-License-Identifier: MIT
#include "quant/tensor/tensor.h"

#include <cstring>

namespace quant {

Tensor Tensor::wrap(DataType type, Shape shape, const std::byte* data,
                    std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.shape_ = std::move(shape);
  // Tensors that share elements are constant by agreement, as copies of any tensor are.
  tensor.buffer_ = std::make_shared<AlignedBuffer>(const_cast<std::byte*>(data), tensor.bytes(),
                                                   std::move(owner));
  return tensor;
}

Tensor Tensor::clone() const {
  Tensor copy(type_, shape_, BufferFill::kUndefined);
  std::memcpy(copy.raw(), raw(), bytes());
  return copy;
}

}  // namespace quant
