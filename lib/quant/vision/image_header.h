// SPDX-License-Identifier: MIT
// Looks at the first bytes of an image file before a decoder does: which format, how large, is it
// all there. The decoder's own limits would let a file of a few kilobytes claim gigabytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/base/result.h"

namespace quant {

enum class ImageFormat { kJpeg, kPng, kBmp, kWebp, kPnm };

struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
};

// No image may have more pixels (134 million, 400 MB when decoded) or a longer side.
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 27;
inline constexpr std::int64_t kMaxImageSide = 65535;

// Errors without context: another format, a header cut short, no or too many pixels, a JPEG or PNG
// whose end is missing (JPEG decoders fill the rest with gray and call it a success).
Result<ImageHeader> parse_image_header(std::span<const std::byte> file);

}  // namespace quant
