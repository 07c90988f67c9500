// SPDX-License-Identifier: MIT
#include "quant/arithmetic/dequantize.h"

#include <fmt/format.h>

#include "quant/arithmetic/edge.h"

namespace quant {
namespace {

template <typename T>
void dequantize_runs(std::span<const T> from, const QuantParams& params, std::size_t inner,
                     std::span<float> to) {
  const std::size_t channels = params.scale.size();
  for (std::size_t start = 0, run = 0; start < from.size(); start += inner, ++run) {
    const std::size_t channel = run % channels;
    dequantize(from.subspan(start, inner),
               EdgeParams{params.scale[channel], params.zero_point[channel]},
               to.subspan(start, inner));
  }
}

}  // namespace

Result<Tensor> dequantize_tensor(const Tensor& quantized, const QuantParams& params) {
  std::size_t inner = static_cast<std::size_t>(quantized.elements());
  if (params.scale.empty() || params.zero_point.size() != params.scale.size()) {
    return fail(ErrorCode::kInvalidArgument, "the scale of the tensor is unknown");
  }
  if (params.per_channel()) {
    const auto axis = static_cast<std::size_t>(params.axis);
    if (axis >= quantized.rank() ||
        quantized.shape()[axis] != static_cast<std::int64_t>(params.scale.size())) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} scales do not fit axis {} of {}", params.scale.size(),
                              params.axis, to_string(quantized.shape())));
    }
    inner = static_cast<std::size_t>(row_major_strides(quantized.shape())[axis]);
  }
  Tensor real(DataType::kFloat32, quantized.shape(), BufferFill::kUndefined);
  if (quantized.elements() == 0) return real;
  switch (quantized.type()) {
    case DataType::kUint8:
      dequantize_runs(quantized.data<std::uint8_t>(), params, inner, real.data<float>());
      return real;
    case DataType::kUint16:
      dequantize_runs(quantized.data<std::uint16_t>(), params, inner, real.data<float>());
      return real;
    default:
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is no quantized activation type", to_string(quantized.type())));
  }
}

}  // namespace quant
