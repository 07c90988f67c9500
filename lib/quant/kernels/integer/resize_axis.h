// SPDX-License-Identifier: MIT
// Resampling along one axis as a table: for each output index, which inputs and with which weights.
// The weights are part of the integer contract: computed in double as ONNX's Resize says. 8-bit
// tensors take them rounded once to float32.
#pragma once

#include <cstdint>
#include <vector>

namespace quant::integer {

// index and weight are (out_size, taps); the indices of one output lie within `taps` neighbours;
// taps ≤ 4. Taps that fall outside are clamped to the edge, unless exclude_outside gives them
// weight 0.
struct ResizeAxis {
  std::int64_t in_size = 1, out_size = 1;
  int taps = 1;
  std::vector<std::int32_t> index;
  std::vector<double> weight;
};

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class ResizeCoordinates {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric
};
enum class NearestRounding { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };

struct ResizeAxisSpec {
  std::int64_t in_size = 1, out_size = 1;
  double scale = 1;  // ONNX's: output over input, as given or out_size/in_size
  ResizeMode mode = ResizeMode::kNearest;
  ResizeCoordinates coordinates = ResizeCoordinates::kHalfPixel;
  NearestRounding rounding = NearestRounding::kRoundPreferFloor;  // kNearest
  double cubic_coefficient = -0.75;                               // kCubic
  bool exclude_outside = false;                                   // kCubic
};
ResizeAxis make_resize_axis(const ResizeAxisSpec& spec);

}  // namespace quant::integer
