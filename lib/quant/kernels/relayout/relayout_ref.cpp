// SPDX-License-Identifier: MIT
#include <cstring>

#include "quant/kernels/relayout/relayout.h"

namespace quant {

void relayout_ref(const void* in, const DeviceLayout& from, void* out, const DeviceLayout& to) {
  const DeviceStrides source = strides_of(from);
  const DeviceStrides target = strides_of(to);
  const std::size_t size = size_of(from.type);
  for (std::int64_t h = 0; h < from.height; ++h) {
    for (std::int64_t w = 0; w < from.width; ++w) {
      for (std::int64_t c = 0; c < from.channels; ++c) {
        std::memcpy(
            static_cast<std::byte*>(out) + static_cast<std::size_t>(target.offset(h, w, c)) * size,
            static_cast<const std::byte*>(in) +
                static_cast<std::size_t>(source.offset(h, w, c)) * size,
            size);
      }
    }
  }
}

}  // namespace quant
