// SPDX-License-Identifier: MIT
#include "quant/arithmetic/edge.h"
#include "quant/kernels/relayout/dequantize.h"

namespace quant {

void dequantize_ref(const void* in, const DeviceLayout& layout, const QuantParams& params,
                    DenseOrder order, float* out) {
  const DeviceStrides source = strides_of(layout);
  const DeviceStrides target =
      strides_of(dense_layout(order == DenseOrder::kNhwc ? DeviceOrder::kNhwc : DeviceOrder::kNchw,
                              DataType::kFloat32, layout.height, layout.width, layout.channels));
  for (std::int64_t h = 0; h < layout.height; ++h) {
    for (std::int64_t w = 0; w < layout.width; ++w) {
      for (std::int64_t c = 0; c < layout.channels; ++c) {
        const std::int64_t at = source.offset(h, w, c);
        const std::int32_t q = layout.type == DataType::kUint8
                                   ? static_cast<const std::uint8_t*>(in)[at]
                                   : static_cast<const std::uint16_t*>(in)[at];
        const auto channel = static_cast<std::size_t>(params.per_channel() ? c : 0);
        out[target.offset(h, w, c)] =
            dequantize(q, EdgeParams{params.scale[channel], params.zero_point[channel]});
      }
    }
  }
}

}  // namespace quant
