// SPDX-License-Identifier: MIT
// From pictures to what a network sees, in two steps: pixels become a frame (resize and colour
// order; uint8, (H, W, C) at network size), a frame becomes the ONNX input (normalization; float32,
// (1, C, H, W)).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"
#include "quant/vision/resample.h"

namespace quant {

enum class ResizeMode {
  kStretch,    // fills the frame, whatever happens to the proportions
  kLetterbox,  // keeps the proportions, centred, bars on two sides
  kCrop,       // keeps the proportions, centred, what reaches beyond two sides cut off
};

const char* to_string(ResizeMode mode);  // "stretch", "letterbox", "crop"
std::vector<std::string> resize_mode_names();
std::optional<ResizeMode> resize_mode_from_string(std::string_view name);

struct FrameOptions {
  ResizeMode resize = ResizeMode::kStretch;
  std::uint8_t pad = 114;  // the bars of a letterbox, all channels
};

// Where the whole resized picture lies in the frame, in pixels; of a crop it begins before 0 and
// reaches beyond the frame. Decoders map boxes back with it.
struct Placement {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const Placement&) const = default;
};

// Letterbox: the larger size that fits, sides rounded to the nearest pixel and at least 1; an odd
// rest puts the wider bar right or below. Crop: the smaller size that covers the frame, rounded
// likewise; an odd rest cuts more off right or below. Preconditions: sizes ≥ 1.
Placement place_image(int image_width, int image_height, int frame_width, int frame_height,
                      ResizeMode mode);

// Resizes pictures into frames; keeps the resampler as long as the size stays. One thread.
class FrameFitter {
 public:
  explicit FrameFitter(FrameOptions options = {}) : options_(options) {}

  // Fills `frame` (uint8, (H, W, C)) from `image`. InvalidArgument where the image has no pixels, a
  // side above 65535 or another number of channels than the frame. No allocation while the sizes
  // stay.
  Status fit(const PixelView& image, Tensor& frame);

 private:
  FrameOptions options_;
  std::optional<Resampler> resampler_;
};

// A frame at network size from an image in the colour order of `spec`. Errors have no context.
Result<Tensor> fit_image(const Tensor& image, const InputSpec& spec,
                         const FrameOptions& options = {});

// Frames to network input: x[c] = (pixel[c] − mean[c]) / std[c] in float32. The one place where
// this is done for every float context, so that all see the same bits. Reentrant.
class FrameNormalizer {
 public:
  // Precondition: mean and std have spec.channels() entries.
  explicit FrameNormalizer(const InputSpec& spec);

  // `frame` is (H, W, C), `input` (C, H, W). Precondition: equal sizes, a multiple of the channels.
  void run(std::span<const std::uint8_t> frame, std::span<float> input) const;

 private:
  std::vector<std::array<float, 256>> tables_;  // one per channel
};

// Precondition: `frame` is uint8, (H, W, C) as `spec` says. Returns float32, (1, C, H, W).
Tensor normalize_frame(const Tensor& frame, const InputSpec& spec);

// The nearest frame to a network input: rint(x·std + mean) clipped to 0…255. Precondition: `input`
// is float32, (1, C, H, W) as `spec` says, and finite.
Tensor denormalize_input(const Tensor& input, const InputSpec& spec);

}  // namespace quant
