// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/resize_axis.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace quant::integer {
namespace {

double source_position(const ResizeAxisSpec& spec, std::int64_t out) {
  const auto x = static_cast<double>(out);
  const auto in_size = static_cast<double>(spec.in_size);
  const auto out_size = static_cast<double>(spec.out_size);
  switch (spec.coordinates) {
    case ResizeCoordinates::kHalfPixel:
      return (x + 0.5) / spec.scale - 0.5;
    case ResizeCoordinates::kHalfPixelSymmetric: {
      const double adjustment = out_size / (spec.scale * in_size);
      const double centre = in_size / 2;
      return centre * (1 - adjustment) + (x + 0.5) / spec.scale - 0.5;
    }
    case ResizeCoordinates::kPytorchHalfPixel:
      return spec.out_size > 1 ? (x + 0.5) / spec.scale - 0.5 : 0;
    case ResizeCoordinates::kAlignCorners:
      return spec.out_size > 1 ? x * (in_size - 1) / (out_size - 1) : 0;
    case ResizeCoordinates::kAsymmetric:
      return x / spec.scale;
  }
  return 0;
}

std::int64_t nearest(double position, NearestRounding rounding) {
  switch (rounding) {
    case NearestRounding::kRoundPreferFloor:
      return static_cast<std::int64_t>(std::ceil(position - 0.5));
    case NearestRounding::kRoundPreferCeil:
      return static_cast<std::int64_t>(std::floor(position + 0.5));
    case NearestRounding::kFloor:
      return static_cast<std::int64_t>(std::floor(position));
    case NearestRounding::kCeil:
      return static_cast<std::int64_t>(std::ceil(position));
  }
  return 0;
}

// Keys' kernel at the four neighbours of a position `fraction` past the second.
std::array<double, 4> cubic_weights(double fraction, double a) {
  const double x = fraction;
  const double y = 1 - fraction;
  return {((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a,
          ((a + 2) * x - (a + 3)) * x * x + 1, ((a + 2) * y - (a + 3)) * y * y + 1,
          ((a * (y + 1) - 5 * a) * (y + 1) + 8 * a) * (y + 1) - 4 * a};
}

}  // namespace

ResizeAxis make_resize_axis(const ResizeAxisSpec& spec) {
  ResizeAxis axis;
  axis.in_size = spec.in_size;
  axis.out_size = spec.out_size;
  axis.taps = spec.mode == ResizeMode::kNearest ? 1 : spec.mode == ResizeMode::kLinear ? 2 : 4;
  for (std::int64_t out = 0; out < spec.out_size; ++out) {
    const double position = source_position(spec, out);
    std::int64_t first = 0;
    std::array<double, 4> weights{1, 0, 0, 0};
    switch (spec.mode) {
      case ResizeMode::kNearest:
        first = nearest(position, spec.rounding);
        break;
      case ResizeMode::kLinear: {
        // ONNX clamps the position, so that a tap outside never has a weight.
        const double inside = std::clamp(position, 0.0, static_cast<double>(spec.in_size - 1));
        first = static_cast<std::int64_t>(std::floor(inside));
        const double fraction = inside - static_cast<double>(first);
        weights = {1 - fraction, fraction, 0, 0};
        break;
      }
      case ResizeMode::kCubic: {
        const double below = std::floor(position);
        first = static_cast<std::int64_t>(below) - 1;
        weights = cubic_weights(position - below, spec.cubic_coefficient);
        break;
      }
    }
    double total = 1;
    if (spec.exclude_outside && spec.mode == ResizeMode::kCubic) {
      total = 0;
      for (int tap = 0; tap < axis.taps; ++tap) {
        const std::int64_t index = first + tap;
        double& weight = weights[static_cast<std::size_t>(tap)];
        if (index < 0 || index >= spec.in_size) weight = 0;
        total += weight;
      }
    }
    for (int tap = 0; tap < axis.taps; ++tap) {
      const std::int64_t index = std::clamp<std::int64_t>(first + tap, 0, spec.in_size - 1);
      axis.index.push_back(static_cast<std::int32_t>(index));
      axis.weight.push_back(weights[static_cast<std::size_t>(tap)] / total);
    }
  }
  return axis;
}

}  // namespace quant::integer
