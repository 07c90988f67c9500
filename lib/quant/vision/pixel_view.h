// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace quant {

// Interleaved 8-bit pixels that someone else owns.
struct PixelView {
  const std::uint8_t* data = nullptr;
  int width = 0;
  int height = 0;
  int channels = 0;              // 1 to 4
  std::ptrdiff_t row_bytes = 0;  // from one row to the next
};

// Part of a picture, in its pixels.
struct PixelWindow {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const PixelWindow&) const = default;
};

}  // namespace quant
