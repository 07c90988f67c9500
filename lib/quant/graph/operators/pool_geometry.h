// SPDX-License-Identifier: MIT
// Windows that slide over an image: where they fall on it, and one loop over all of them. Inner
// part of pooling.cpp.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/window.h"

namespace quant {

inline constexpr std::size_t kMaxSpatial = 3;

struct Pool {
  ImageShape input;
  ImageShape output;
  PlacedWindow window;
};

inline std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return a > 0 ? (a + b - 1) / b : 0;
}

// One spatial axis. Networks with fewer than three get axes of size 1 in front.
struct Axis {
  std::int64_t input = 1;
  std::int64_t output = 1;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_begin = 0;
  std::int64_t pad_end = 0;

  std::int64_t position(std::int64_t out, std::int64_t tap) const {
    return out * stride - pad_begin + tap * dilation;
  }
  // The taps of one output that fall on [low, high).
  std::int64_t first_tap(std::int64_t out, std::int64_t low) const {
    return std::min(kernel, ceil_divide(low - position(out, 0), dilation));
  }
  std::int64_t end_tap(std::int64_t out, std::int64_t high) const {
    return std::min(kernel, ceil_divide(high - position(out, 0), dilation));
  }
  // The outputs for which one tap falls inside the input.
  std::int64_t first_output(std::int64_t tap) const {
    return std::min(output, ceil_divide(-position(0, tap), stride));
  }
  std::int64_t end_output(std::int64_t tap) const {
    return std::min(output, ceil_divide(input - position(0, tap), stride));
  }
};

struct Geometry {
  Axis axis[kMaxSpatial];   // depth, height, width
  std::int64_t planes = 1;  // images of `lanes` interleaved channels
  std::int64_t lanes = 1;

  explicit Geometry(const Pool& pool)
      : planes(pool.input.channels_last ? pool.input.batch
                                        : pool.input.batch * pool.input.channels),
        lanes(pool.input.channels_last ? pool.input.channels : 1) {
    const PlacedWindow& window = pool.window;
    for (std::size_t i = 0; i < window.rank(); ++i) {
      axis[kMaxSpatial - window.rank() + i] = {
          window.input[i],     window.output[i],     window.kernel[i],  window.strides[i],
          window.dilations[i], window.pads_begin[i], window.pads_end[i]};
    }
  }
  std::int64_t input_elements() const {
    return axis[0].input * axis[1].input * axis[2].input * lanes;
  }
  std::int64_t output_elements() const {
    return axis[0].output * axis[1].output * axis[2].output * lanes;
  }
};

// Combines every input that a window sees into its output: combine(accumulator, value) in place.
// Row by row, so that the innermost loop runs over outputs (or channels) that lie side by side.
template <typename T, typename Combine>
void slide(const Geometry& geometry, const T* input, T* output, Combine combine) {
  const auto& [depth, height, width] = geometry.axis;
  const std::int64_t lanes = geometry.lanes;
  for (std::int64_t plane = 0; plane < geometry.planes; ++plane) {
    for (std::int64_t z = 0; z < depth.output; ++z) {
      for (std::int64_t y = 0; y < height.output; ++y) {
        T* const row = output + (z * height.output + y) * width.output * lanes;
        for (std::int64_t tz = depth.first_tap(z, 0); tz < depth.end_tap(z, depth.input); ++tz) {
          for (std::int64_t ty = height.first_tap(y, 0); ty < height.end_tap(y, height.input);
               ++ty) {
            const T* const line =
                input + (depth.position(z, tz) * height.input + height.position(y, ty)) *
                            width.input * lanes;
            for (std::int64_t tx = 0; tx < width.kernel; ++tx) {
              const std::int64_t first = width.first_output(tx);
              const std::int64_t end = width.end_output(tx);
              if (first >= end) continue;
              const T* source = line + width.position(first, tx) * lanes;
              if (lanes == 1) {
                for (std::int64_t x = first; x < end; ++x, source += width.stride) {
                  combine(row[x], *source);
                }
                continue;
              }
              for (std::int64_t x = first; x < end; ++x, source += width.stride * lanes) {
                T* const target = row + x * lanes;
                for (std::int64_t lane = 0; lane < lanes; ++lane)
                  combine(target[lane], source[lane]);
              }
            }
          }
        }
      }
    }
    input += geometry.input_elements();
    output += geometry.output_elements();
  }
}

}  // namespace quant
