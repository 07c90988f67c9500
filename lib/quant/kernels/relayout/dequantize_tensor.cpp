// SPDX-License-Identifier: MIT
#include "quant/kernels/relayout/dequantize_tensor.h"

#include <fmt/format.h>

#include "quant/kernels/relayout/relayout.h"

namespace quant {

Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params) {
  if (params.scale.empty() || params.zero_point.size() != params.scale.size()) {
    return fail(ErrorCode::kInvalidArgument, "the scale of the tensor is unknown");
  }
  const DataType type = quantized.type();
  if (type != DataType::kUint8 && type != DataType::kUint16) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no quantized activation type", to_string(type)));
  }
  Tensor real(DataType::kFloat32, quantized.shape(), BufferFill::kUndefined);
  if (quantized.elements() == 0) return real;

  // Frames of [channels][inner], one after the other.
  std::int64_t channels = 1;
  std::int64_t inner = quantized.elements();
  if (params.per_channel()) {
    const auto axis = static_cast<std::size_t>(params.axis);
    channels = static_cast<std::int64_t>(params.scale.size());
    if (axis >= quantized.rank() || quantized.shape()[axis] != channels) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} scales do not fit axis {} of {}", params.scale.size(),
                              params.axis, to_string(quantized.shape())));
    }
    inner = row_major_strides(quantized.shape())[axis];
  }
  std::int64_t frames = quantized.elements() / (channels * inner);
  DenseOrder order = DenseOrder::kNchw;
  DeviceLayout layout = dense_layout(DeviceOrder::kNchw, type, 1, inner, channels);
  if (inner == 1) {
    order = DenseOrder::kNhwc;
    layout = dense_layout(DeviceOrder::kNhwc, type, 1, frames, channels);
    frames = 1;
  }
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  QUANT_TRY_ASSIGN(const Dequantize kernel, Dequantize::create(layout, params, order, isa));
  ThreadPool pool(1);
  const auto elements = static_cast<std::size_t>(element_count(layout));
  for (std::size_t frame = 0; frame < static_cast<std::size_t>(frames); ++frame) {
    kernel.run(quantized.raw() + frame * elements * size_of(type),
               real.data<float>().data() + frame * elements, pool);
  }
  return real;
}

Result<Tensor> dequantize_tensor(const DeviceTensor& quantized, const QuantParams& params,
                                 DenseOrder order) {
  QUANT_TRY(check_device_tensor(quantized));
  QUANT_TRY_ASSIGN(const Isa isa, selected_isa());
  const DeviceLayout& layout = quantized.layout;
  const bool nhwc = order == DenseOrder::kNhwc;
  const Shape shape = nhwc ? Shape{1, layout.height, layout.width, layout.channels}
                           : Shape{1, layout.channels, layout.height, layout.width};
  Tensor real(DataType::kFloat32, shape, BufferFill::kUndefined);
  ThreadPool pool(1);
  if (layout.type == DataType::kFloat32) {
    const DeviceLayout dense =
        dense_layout(nhwc ? DeviceOrder::kNhwc : DeviceOrder::kNchw, DataType::kFloat32,
                     layout.height, layout.width, layout.channels);
    QUANT_TRY_ASSIGN(const Relayout kernel, Relayout::create(layout, dense, isa));
    kernel.run(quantized.memory.raw(), real.raw(), pool);
    return real;
  }
  QUANT_TRY_ASSIGN(const Dequantize kernel, Dequantize::create(layout, params, order, isa));
  kernel.run(quantized.memory.raw(), real.data<float>().data(), pool);
  return real;
}

}  // namespace quant
