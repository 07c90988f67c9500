// SPDX-License-Identifier: MIT
#include "quant/vision/image_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace quant {
namespace {

// Reads numbers of either byte order; nothing beyond the end.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> data) : data_(data) {}

  std::size_t size() const { return data_.size(); }
  std::uint32_t at(std::size_t i) const { return std::to_integer<std::uint32_t>(data_[i]); }
  std::uint32_t big16(std::size_t i) const { return at(i) << 8 | at(i + 1); }
  std::uint32_t big32(std::size_t i) const { return big16(i) << 16 | big16(i + 2); }
  std::uint32_t little16(std::size_t i) const { return at(i) | at(i + 1) << 8; }
  std::uint32_t little24(std::size_t i) const { return little16(i) | at(i + 2) << 16; }
  std::uint32_t little32(std::size_t i) const { return little16(i) | little16(i + 2) << 16; }
  bool has(std::size_t offset, std::string_view text) const {
    return offset + text.size() <= size() && this->text().substr(offset, text.size()) == text;
  }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(data_.data()), data_.size()};
  }

 private:
  std::span<const std::byte> data_;
};

using Header = std::optional<ImageHeader>;  // nothing where the file ends too early

// Walks the marker segments up to the first scan, then looks for the end-of-image marker behind it.
Header parse_jpeg(const Bytes& file) {
  constexpr std::uint32_t kStartOfScan = 0xda;
  ImageHeader header{ImageFormat::kJpeg, 0, 0};
  bool found_size = false;
  std::size_t at = 2;
  while (at + 4 <= file.size() && file.at(at) == 0xff) {
    const std::uint32_t marker = file.at(at + 1);
    if (marker == 0xff) {  // fill byte
      ++at;
      continue;
    }
    const std::size_t length = file.big16(at + 2);
    // Start of frame: C0 to CF without DHT (C4), JPG (C8) and DAC (CC).
    if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc) {
      if (at + 9 > file.size()) return std::nullopt;
      header.height = file.big16(at + 5);
      header.width = file.big16(at + 7);
      found_size = true;
    }
    if (marker == kStartOfScan) {
      constexpr std::string_view kEndOfImage("\xff\xd9");
      const bool complete = file.text().find(kEndOfImage, at) != std::string_view::npos;
      return found_size && complete ? Header(header) : std::nullopt;
    }
    at += 2 + length;
  }
  return std::nullopt;
}

Header parse_png(const Bytes& file) {
  if (file.size() < 24 || !file.has(12, "IHDR")) return std::nullopt;
  if (file.text().find("IEND", 24) == std::string_view::npos) return std::nullopt;
  return ImageHeader{ImageFormat::kPng, file.big32(16), file.big32(20)};
}

Header parse_bmp(const Bytes& file) {
  if (file.size() < 26) return std::nullopt;
  constexpr std::uint32_t kOs2HeaderSize = 12;
  if (file.little32(14) == kOs2HeaderSize) {
    return ImageHeader{ImageFormat::kBmp, file.little16(18), file.little16(20)};
  }
  const std::int64_t height = static_cast<std::int32_t>(file.little32(22));
  // Negative: rows from top to bottom.
  return ImageHeader{ImageFormat::kBmp, static_cast<std::int32_t>(file.little32(18)),
                     height < 0 ? -height : height};
}

Header parse_webp(const Bytes& file) {
  if (file.size() < 30) return std::nullopt;
  if (file.has(12, "VP8X")) {
    return ImageHeader{ImageFormat::kWebp, file.little24(24) + 1, file.little24(27) + 1};
  }
  if (file.has(12, "VP8L")) {
    const std::uint32_t bits = file.little32(21);
    return ImageHeader{ImageFormat::kWebp, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
  }
  return ImageHeader{ImageFormat::kWebp, file.little16(26) & 0x3fff, file.little16(28) & 0x3fff};
}

// "P6 640 480 255": numbers apart by white space and comments.
Header parse_pnm(const Bytes& file) {
  const std::string_view text = file.text();
  std::size_t at = 2;
  std::int64_t sizes[2] = {0, 0};
  for (std::int64_t& size : sizes) {
    while (at < text.size() &&
           (text[at] == '#' || std::isspace(static_cast<unsigned char>(text[at])))) {
      at = text[at] == '#' ? text.find('\n', at) : at + 1;
    }
    if (at >= text.size()) return std::nullopt;
    constexpr std::int64_t kEnough = kMaxImageSide + 1;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      size = std::min(size * 10 + (text[at] - '0'), kEnough);
    }
  }
  return ImageHeader{ImageFormat::kPnm, sizes[0], sizes[1]};
}

}  // namespace

Result<ImageHeader> parse_image_header(std::span<const std::byte> data) {
  const Bytes file(data);
  Header header;
  if (file.has(0, "\xff\xd8\xff")) {
    header = parse_jpeg(file);
  } else if (file.has(0, "\x89PNG\r\n\x1a\n")) {
    header = parse_png(file);
  } else if (file.has(0, "BM")) {
    header = parse_bmp(file);
  } else if (file.has(0, "RIFF") && file.has(8, "WEBP")) {
    header = parse_webp(file);
  } else if (file.size() > 2 && file.at(0) == 'P' && file.at(1) >= '1' && file.at(1) <= '6') {
    header = parse_pnm(file);
  } else {
    return fail(ErrorCode::kInvalidData,
                "is no image of a known format (JPEG, PNG, BMP, WebP, PNM)");
  }
  if (!header) return fail(ErrorCode::kInvalidData, "the image is cut short");
  if (header->width <= 0 || header->height <= 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the image has no pixels ({}x{})", header->width, header->height));
  }
  if (header->width > kMaxImageSide || header->height > kMaxImageSide ||
      header->width * header->height > kMaxImagePixels) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("the image is too large ({}x{}; the limit is {} pixels, {} on a side)",
                            header->width, header->height, kMaxImagePixels, kMaxImageSide));
  }
  return *header;
}

}  // namespace quant
