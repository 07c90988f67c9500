// SPDX-License-Identifier: MIT
#include "quant/vision/decode_image.h"

#include <cstdint>
#include <opencv2/imgcodecs.hpp>
#include <span>
#include <vector>

#include "quant/base/read_file.h"
#include "quant/vision/color.h"
#include "quant/vision/image_header.h"

namespace quant {
namespace {

Result<Tensor> decode(std::span<const std::byte> file, ColorOrder color) {
  QUANT_TRY_ASSIGN(const ImageHeader header, parse_image_header(file));
  cv::Mat bgr;
  try {
    const cv::Mat encoded(1, static_cast<int>(file.size()), CV_8UC1,
                          const_cast<std::byte*>(file.data()));
    bgr = cv::imdecode(encoded, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception&) {
    // Its text is about OpenCV's sources; the sentence below says what matters.
  }
  if (bgr.empty() || bgr.type() != CV_8UC3 || bgr.cols != header.width ||
      bgr.rows != header.height) {
    return fail(ErrorCode::kInvalidData, "the image cannot be decoded");
  }
  const PixelView view{bgr.data, bgr.cols, bgr.rows, 3, static_cast<std::ptrdiff_t>(bgr.step)};
  return from_bgr(view, color);
}

}  // namespace

Result<Tensor> decode_image(const std::filesystem::path& path, ColorOrder color) {
  constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
  QUANT_TRY_ASSIGN(const std::vector<std::byte> file, read_file(path, kMaxFile));
  auto image = decode(file, color);
  if (!image) return fail_with_context(std::move(image).error(), path.string());
  return image;
}

Result<Tensor> load_image(const std::filesystem::path& path, const InputSpec& spec,
                          const FrameOptions& options) {
  QUANT_TRY_ASSIGN(const Tensor image, decode_image(path, spec.color));
  auto frame = fit_image(image, spec, options);
  if (!frame) return fail_with_context(std::move(frame).error(), path.string());
  return frame;
}

}  // namespace quant
