// SPDX-License-Identifier: MIT
#include "quant/optimize/torch_tensor.h"

#include <memory>
#include <span>

namespace quant::tuning {

at::Tensor to_torch(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  switch (tensor.type()) {
    case DataType::kFloat32: {
      auto keeper = std::make_shared<Tensor>(tensor);
      return at::from_blob(
          keeper->raw(), shape, [keeper](void*) {}, at::kFloat);
    }
    case DataType::kInt64:
      return at::from_blob(const_cast<std::byte*>(tensor.raw()), shape, at::kLong).clone();
    case DataType::kUint8:
      return at::from_blob(const_cast<std::byte*>(tensor.raw()), shape, at::kByte).to(at::kFloat);
    case DataType::kInt8:
      return at::from_blob(const_cast<std::byte*>(tensor.raw()), shape, at::kChar).to(at::kFloat);
    case DataType::kInt16:
      return at::from_blob(const_cast<std::byte*>(tensor.raw()), shape, at::kShort).to(at::kFloat);
    case DataType::kInt32:
      return at::from_blob(const_cast<std::byte*>(tensor.raw()), shape, at::kInt).to(at::kFloat);
    default:
      break;
  }
  return {};
}

Tensor from_torch(const at::Tensor& x) {
  const at::Tensor plain = x.detach().contiguous();
  return Tensor::from<float>(
      plain.sizes().vec(),
      std::span(plain.data_ptr<float>(), static_cast<std::size_t>(plain.numel())));
}

}  // namespace quant::tuning
