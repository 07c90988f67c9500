// SPDX-License-Identifier: MIT
// How Resize makes one axis of its output: which input elements each output element weighs, and how
// much.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/graph/attributes.h"

namespace quant {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class CoordinateMode {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize,
};

struct ResizeSettings {
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  CoordinateMode coordinates = CoordinateMode::kHalfPixel;
  float cubic_coefficient = -0.75F;
  bool exclude_outside = false;
  bool antialias = false;
};

// InvalidData naming an unknown value.
Result<ResizeSettings> read_resize_settings(const Attributes& attributes);

struct ResizeAxis {
  std::int64_t input = 1;  // elements
  std::int64_t output = 1;
  float scale = 1;      // as given, or output / input
  float length = 1;     // of the output before it was rounded down to whole elements
  float roi_begin = 0;  // of tf_crop_and_resize, normalized
  float roi_end = 1;
};

struct ResizeTable {
  std::int64_t taps = 1;
  // `taps` per output element; indices lie inside the input.
  std::vector<std::int64_t> index;
  std::vector<float> weight;
  // Output elements that lie outside the input (only tf_crop_and_resize has any).
  std::vector<std::int64_t> outside;
};

// Precondition: sizes above 0 and within kMaxElements, numbers finite, scale above 0.
ResizeTable make_resize_table(const ResizeSettings& settings, const ResizeAxis& axis);

}  // namespace quant
