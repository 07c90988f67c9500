// SPDX-License-Identifier: MIT
#include "quant/kernels/relayout/dequantize_tensor.h"

#include <fmt/format.h>

#include <cassert>

namespace quant {

Result<TensorDequantizer> TensorDequantizer::create(DataType type, const Shape& shape,
                                                    const QuantParams& params) {
  if (params.scale.empty() || params.zero_point.size() != params.scale.size()) {
    return fail(ErrorCode::kInvalidArgument, "the scale of the tensor is unknown");
  }
  if (type != DataType::kUint8 && type != DataType::kUint16) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no quantized activation type", to_string(type)));
  }
  TensorDequantizer made(shape);
  const std::int64_t elements = element_count(shape);
  if (elements == 0) {
    made.parts_ = 0;
    return made;
  }

  // Parts of [channels][inner], one after the other.
  std::int64_t channels = 1;
  std::int64_t inner = elements;
  if (params.per_channel()) {
    const auto axis = static_cast<std::size_t>(params.axis);
    channels = static_cast<std::int64_t>(params.scale.size());
    if (axis >= shape.size() || shape[axis] != channels) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} scales do not fit axis {} of {}", params.scale.size(),
                              params.axis, to_string(shape)));
    }
    inner = row_major_strides(shape)[axis];
  }
  std::int64_t parts = elements / (channels * inner);
  DenseOrder order = DenseOrder::kNchw;
  DeviceLayout layout = dense_layout(DeviceOrder::kNchw, type, 1, inner, channels);
  if (inner == 1) {
    order = DenseOrder::kNhwc;
    layout = dense_layout(DeviceOrder::kNhwc, type, 1, parts, channels);
    parts = 1;
  }
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  QUANT_TRY_ASSIGN(made.integers_, Dequantize::create(layout, params, order, isa));
  made.parts_ = static_cast<std::size_t>(parts);
  made.part_elements_ = static_cast<std::size_t>(element_count(layout));
  made.part_bytes_ = made.part_elements_ * size_of(type);
  return made;
}

Result<TensorDequantizer> TensorDequantizer::create(const DeviceLayout& layout,
                                                    const QuantParams& params, DenseOrder order) {
  QUANT_TRY(check_layout(layout));
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  const bool nhwc = order == DenseOrder::kNhwc;
  TensorDequantizer made(nhwc ? Shape{1, layout.height, layout.width, layout.channels}
                              : Shape{1, layout.channels, layout.height, layout.width});
  if (layout.type == DataType::kFloat32) {
    const DeviceLayout dense =
        dense_layout(nhwc ? DeviceOrder::kNhwc : DeviceOrder::kNchw, DataType::kFloat32,
                     layout.height, layout.width, layout.channels);
    QUANT_TRY_ASSIGN(made.floats_, Relayout::create(layout, dense, isa));
  } else {
    QUANT_TRY_ASSIGN(made.integers_, Dequantize::create(layout, params, order, isa));
  }
  return made;
}

void TensorDequantizer::set_shape(Shape shape) {
  assert(element_count(shape) == element_count(shape_));
  shape_ = std::move(shape);
}

Tensor TensorDequantizer::run(const std::byte* memory) const {
  Tensor real(DataType::kFloat32, shape_, BufferFill::kUndefined);
  ThreadPool pool(1);
  if (floats_) {
    floats_->run(memory, real.raw(), pool);
    return real;
  }
  for (std::size_t part = 0; part < parts_; ++part) {
    integers_->run(memory + part * part_bytes_, real.data<float>().data() + part * part_elements_,
                   pool);
  }
  return real;
}

Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params) {
  QUANT_TRY_ASSIGN(const auto dequantizer,
                   TensorDequantizer::create(quantized.type(), quantized.shape(), params));
  return dequantizer.run(quantized.raw());
}

Result<Tensor> dequantize_tensor(const DeviceTensor& quantized, const QuantParams& params,
                                 DenseOrder order) {
  QUANT_TRY(check_device_tensor(quantized));
  QUANT_TRY_ASSIGN(const auto dequantizer,
                   TensorDequantizer::create(quantized.layout, params, order));
  return dequantizer.run(quantized.memory.raw());
}

}  // namespace quant
