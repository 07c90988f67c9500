// SPDX-License-Identifier: MIT
// A dense row-major tensor. Copies share the elements; clone() makes elements of one's own.
#pragma once

#include <algorithm>
#include <cassert>
#include <memory>
#include <span>
#include <utility>

#include "quant/base/aligned_buffer.h"
#include "quant/tensor/data_type.h"
#include "quant/tensor/shape.h"

namespace quant {

class Tensor {
 public:
  // An empty float32 tensor of shape {0}.
  Tensor() : Tensor(DataType::kFloat32, Shape{0}) {}
  // Zero-filled, unless the caller is about to write every element. Precondition: the shape passed
  // checked_element_count.
  Tensor(DataType type, Shape shape, BufferFill fill = BufferFill::kZero)
      : type_(type),
        shape_(std::move(shape)),
        buffer_(std::make_shared<AlignedBuffer>(
            static_cast<std::size_t>(element_count(shape_)) * size_of(type), fill)) {}
  // Memory of somebody else, which `owner` keeps valid: element_count(shape) elements at `data`,
  // aligned for their type but not for vectors. Whether they may be written to is for the owner to
  // say.
  static Tensor wrap(DataType type, Shape shape, const std::byte* data,
                     std::shared_ptr<const void> owner);
  // A copy of `values`. Precondition: values.size() == element_count(shape).
  template <typename T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <typename T>
  static Tensor scalar(T value) {
    return from<T>({}, std::span<const T>(&value, 1));
  }

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::size_t rank() const { return shape_.size(); }
  std::int64_t elements() const { return element_count(shape_); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(type_); }

  // The elements. Precondition: T matches type() (std::uint8_t also reads kBool).
  template <typename T>
  std::span<T> data() {
    assert_type<T>();
    return {reinterpret_cast<T*>(buffer_->data()), static_cast<std::size_t>(elements())};
  }
  template <typename T>
  std::span<const T> data() const {
    assert_type<T>();
    return {reinterpret_cast<const T*>(buffer_->data()), static_cast<std::size_t>(elements())};
  }
  std::byte* raw() { return buffer_->data(); }
  const std::byte* raw() const { return buffer_->data(); }

  // The same elements under another shape. Precondition: equal element counts.
  Tensor reshaped(Shape shape) const {
    assert(element_count(shape) == elements());
    Tensor result = *this;
    result.shape_ = std::move(shape);
    return result;
  }
  Tensor clone() const;

 private:
  template <typename T>
  void assert_type() const {
    assert(DataTypeOf<T>::value == type_ ||
           (type_ == DataType::kBool && DataTypeOf<T>::value == DataType::kUint8));
  }

  DataType type_;
  Shape shape_;
  std::shared_ptr<AlignedBuffer> buffer_;
};

template <typename T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor(DataTypeOf<T>::value, std::move(shape));
  assert(static_cast<std::int64_t>(values.size()) == tensor.elements());
  std::copy(values.begin(), values.end(), tensor.data<T>().begin());
  return tensor;
}

}  // namespace quant
