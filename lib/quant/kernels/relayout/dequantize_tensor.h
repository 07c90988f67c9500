// SPDX-License-Identifier: MIT
// Tensors of integers to real values.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "quant/base/result.h"
#include "quant/kernels/relayout/dequantize.h"
#include "quant/kernels/relayout/relayout.h"
#include "quant/tensor/device_tensor.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// What becomes of tensors of one kind, prepared once for all of them. Constant; reentrant.
class TensorDequantizer {
 public:
  // Of uint8 or uint16 to float32 of the same shape, per tensor or along params.axis.
  // InvalidArgument where `params` do not fit the tensors.
  static Result<TensorDequantizer> create(DataType type, const Shape& shape,
                                          const QuantParams& params);
  // Of a device's memory to float32 of shape (1, height, width, channels) or (1, channels, height,
  // width). Floats are only moved, and `params` not read. Errors as Dequantize::create and
  // Relayout::create.
  static Result<TensorDequantizer> create(const DeviceLayout& layout, const QuantParams& params,
                                          DenseOrder order);

  const Shape& shape() const { return shape_; }  // of the result
  // The same values under another shape of as many elements.
  void set_shape(Shape shape);
  // `memory`: the elements of one tensor, padding included, aligned for their type.
  Tensor run(const std::byte* memory) const;

 private:
  explicit TensorDequantizer(Shape shape) : shape_(std::move(shape)) {}

  Shape shape_;
  std::optional<Dequantize> integers_;
  std::optional<Relayout> floats_;
  std::size_t parts_ = 1;       // that integers_ takes one after the other
  std::size_t part_bytes_ = 0;  // of one's elements
  std::size_t part_elements_ = 0;
};

// uint8 or uint16 to float32 of the same shape, per tensor or along params.axis. InvalidArgument
// where `params` do not fit the tensor.
Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params);

// A device's memory to float32 of shape (1, height, width, channels) or (1, channels, height,
// width). Floats are only moved, and `params` not read; else errors as Dequantize::create and
// check_device_tensor.
Result<Tensor> dequantize_tensor(const DeviceTensor& quantized, const QuantParams& params,
                                 DenseOrder order);

}  // namespace quant
