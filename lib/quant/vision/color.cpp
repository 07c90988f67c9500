// SPDX-License-Identifier: MIT
#include "quant/vision/color.h"

#include <cstring>

namespace quant {

Tensor from_bgr(const PixelView& bgr, ColorOrder color) {
  const std::size_t width = static_cast<std::size_t>(bgr.width);
  const std::size_t channels = color == ColorOrder::kGray ? 1 : 3;
  Tensor image(DataType::kUint8, {bgr.height, bgr.width, static_cast<std::int64_t>(channels)});
  std::uint8_t* out = image.data<std::uint8_t>().data();
  for (int y = 0; y < bgr.height; ++y, out += width * channels) {
    const std::uint8_t* const row = bgr.data + y * bgr.row_bytes;
    switch (color) {
      case ColorOrder::kBgr:
        std::memcpy(out, row, width * channels);
        break;
      case ColorOrder::kRgb:
        for (std::size_t i = 0; i < width * 3; i += 3) {
          out[i] = row[i + 2];
          out[i + 1] = row[i + 1];
          out[i + 2] = row[i];
        }
        break;
      case ColorOrder::kGray:
        for (std::size_t x = 0; x < width; ++x) {
          const std::uint8_t* const pixel = row + 3 * x;
          out[x] = static_cast<std::uint8_t>(
              (pixel[2] * 19595u + pixel[1] * 38470u + pixel[0] * 7471u + 0x8000u) >> 16);
        }
        break;
    }
  }
  return image;
}

}  // namespace quant
