// SPDX-License-Identifier: MIT
#include "quant/vision/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "quant/vision/image_header.h"

namespace quant {

const char* to_string(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::kStretch:
      return "stretch";
    case ResizeMode::kLetterbox:
      return "letterbox";
    case ResizeMode::kCrop:
      return "crop";
  }
  return "unknown";
}

namespace {

constexpr std::array kResizeModes = {ResizeMode::kStretch, ResizeMode::kLetterbox,
                                     ResizeMode::kCrop};

}  // namespace

std::vector<std::string> resize_mode_names() {
  std::vector<std::string> names;
  names.reserve(kResizeModes.size());
  for (const ResizeMode mode : kResizeModes) names.emplace_back(to_string(mode));
  return names;
}

std::optional<ResizeMode> resize_mode_from_string(std::string_view name) {
  for (const ResizeMode mode : kResizeModes) {
    if (name == to_string(mode)) return mode;
  }
  return std::nullopt;
}

Placement place_image(int image_width, int image_height, int frame_width, int frame_height,
                      ResizeMode mode) {
  if (mode == ResizeMode::kStretch) return {0, 0, frame_width, frame_height};
  const bool crop = mode == ResizeMode::kCrop;
  const auto [smaller, larger] = std::minmax({static_cast<double>(frame_width) / image_width,
                                              static_cast<double>(frame_height) / image_height});
  const double scale = crop ? larger : smaller;
  const auto side = [&](int image, int frame) {
    const double size = std::round(image * scale);
    constexpr double kMost = std::numeric_limits<int>::max();
    return static_cast<int>(crop ? std::clamp(size, double{1} * frame, kMost)
                                 : std::clamp(size, 1.0, double{1} * frame));
  };
  const int width = side(image_width, frame_width);
  const int height = side(image_height, frame_height);
  return {(frame_width - width) / 2, (frame_height - height) / 2, width, height};
}

Status FrameFitter::fit(const PixelView& image, Tensor& frame) {
  assert(frame.type() == DataType::kUint8 && frame.rank() == 3);
  const int frame_height = static_cast<int>(frame.shape()[0]);
  const int frame_width = static_cast<int>(frame.shape()[1]);
  const std::int64_t channels = frame.shape()[2];
  if (image.width < 1 || image.height < 1 || image.width > kMaxImageSide ||
      image.height > kMaxImageSide) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("an image of {}x{} cannot be resized", image.width, image.height));
  }
  if (image.channels != channels) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the image has {} channels, the frame {}", image.channels, channels));
  }
  const Placement place =
      place_image(image.width, image.height, frame_width, frame_height, options_.resize);
  const PixelWindow seen = {std::max(-place.x, 0), std::max(-place.y, 0),
                            std::min(place.width, frame_width),
                            std::min(place.height, frame_height)};
  if (!resampler_ || !resampler_->fits(image, place.width, place.height, seen)) {
    resampler_.emplace(image.width, image.height, place.width, place.height, image.channels, seen);
  }
  const std::span<std::uint8_t> pixels = frame.data<std::uint8_t>();
  if (seen.width != frame_width || seen.height != frame_height) {
    std::fill(pixels.begin(), pixels.end(), options_.pad);
  }
  const std::ptrdiff_t row_bytes = static_cast<std::ptrdiff_t>(frame_width) * channels;
  resampler_->run(
      image, pixels.data() + std::max(place.y, 0) * row_bytes + std::max(place.x, 0) * channels,
      row_bytes);
  return {};
}

Result<Tensor> fit_image(const Tensor& image, const InputSpec& spec, const FrameOptions& options) {
  const int height = static_cast<int>(image.shape()[0]);
  const int width = static_cast<int>(image.shape()[1]);
  const PixelView view{image.data<std::uint8_t>().data(), width, height, spec.channels(),
                       static_cast<std::ptrdiff_t>(width) * spec.channels()};
  Tensor frame(DataType::kUint8, {spec.height, spec.width, spec.channels()});
  QUANT_TRY(FrameFitter(options).fit(view, frame));
  return frame;
}

FrameNormalizer::FrameNormalizer(const InputSpec& spec)
    : tables_(static_cast<std::size_t>(spec.channels())) {
  assert(spec.mean.size() == tables_.size() && spec.std.size() == tables_.size());
  for (std::size_t c = 0; c < tables_.size(); ++c) {
    for (int pixel = 0; pixel < 256; ++pixel) {
      tables_[c][static_cast<std::size_t>(pixel)] =
          (static_cast<float>(pixel) - spec.mean[c]) / spec.std[c];
    }
  }
}

void FrameNormalizer::run(std::span<const std::uint8_t> frame, std::span<float> input) const {
  assert(frame.size() == input.size() && frame.size() % tables_.size() == 0);
  const std::size_t channels = tables_.size();
  const std::size_t plane = frame.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const std::array<float, 256>& table = tables_[c];
    float* const out = input.data() + c * plane;
    const std::uint8_t* pixel = frame.data() + c;
    for (std::size_t i = 0; i < plane; ++i, pixel += channels) out[i] = table[*pixel];
  }
}

Tensor normalize_frame(const Tensor& frame, const InputSpec& spec) {
  Tensor input(DataType::kFloat32, {1, spec.channels(), spec.height, spec.width});
  FrameNormalizer(spec).run(frame.data<std::uint8_t>(), input.data<float>());
  return input;
}

Tensor denormalize_input(const Tensor& input, const InputSpec& spec) {
  Tensor frame(DataType::kUint8, {spec.height, spec.width, spec.channels()});
  const std::span<const float> from = input.data<float>();
  const std::span<std::uint8_t> to = frame.data<std::uint8_t>();
  const std::size_t channels = static_cast<std::size_t>(spec.channels());
  const std::size_t plane = from.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      const float pixel = std::rint(from[c * plane + i] * spec.std[c] + spec.mean[c]);
      to[i * channels + c] = static_cast<std::uint8_t>(std::clamp(pixel, 0.0f, 255.0f));
    }
  }
  return frame;
}

}  // namespace quant
