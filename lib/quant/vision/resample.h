// SPDX-License-Identifier: MIT
// Resizes 8-bit images with a triangle filter that widens when it shrinks (antialiased bilinear):
// the rule of Pillow's BILINEAR, pixel for pixel, since that is what training pipelines feed and
// OpenCV's INTER_LINEAR (no antialiasing) and INTER_AREA (box) are other pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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

// Holds the weights for one pair of sizes and the memory between its two passes: make one, resize
// many frames. One thread.
//
// Horizontal pass first, rounded to 8 bits, then vertical; a pass whose size does not change is
// left out. Output pixel i looks at the input around (i + ½)·s, s = in/out, with the weights max(0,
// 1 − |x + ½ − (i + ½)·s| / max(s, 1)) of the input pixels x in reach, normalized to sum 1 and
// rounded to 22 fractional bits; sums are rounded half up.
class Resampler {
 public:
  // Preconditions: sizes 1 to 65535 (22-bit weights then sum within int32), channels 1 to 4.
  Resampler(int in_width, int in_height, int out_width, int out_height, int channels)
      : Resampler(in_width, in_height, out_width, out_height, channels,
                  {0, 0, out_width, out_height}) {}
  // Computes no more of the result than `window`, which lies inside; where it does not cover all,
  // the result may be larger.
  Resampler(int in_width, int in_height, int out_width, int out_height, int channels,
            const PixelWindow& window);

  // Whether this was made for such a picture and result.
  bool fits(const PixelView& in, int out_width, int out_height) const {
    return fits(in, out_width, out_height, {0, 0, out_width, out_height});
  }
  bool fits(const PixelView& in, int out_width, int out_height, const PixelWindow& window) const;

  // Writes the window. Precondition: made for such pictures. `out` must not overlap `in`;
  // `out_row_bytes` apart lie its rows.
  void run(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes);

 private:
  // The input pixels that one output pixel looks at, and where their weights start.
  struct Reach {
    int first = 0;
    int count = 0;
    std::size_t weights = 0;
  };
  struct Axis {
    int in = 0;
    int out = 0;
    int first = 0;             // output pixel of the window
    std::vector<Reach> reach;  // one per output pixel of the window
    std::vector<std::int32_t> weights;
  };
  static Axis make_axis(int in, int out, int first, int count);
  std::size_t row_bytes() const {
    return horizontal_.reach.size() * static_cast<std::size_t>(channels_);
  }
  template <int kChannels>
  void shrink_rows(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) const;
  // `in` begins with row first_row_.
  void shrink_columns(const std::uint8_t* in, std::ptrdiff_t in_row_bytes, std::uint8_t* out,
                      std::ptrdiff_t out_row_bytes);

  Axis horizontal_;
  Axis vertical_;
  int channels_;
  int first_row_;                       // of the input, that is looked at
  int end_row_;                         // one behind the last
  std::vector<std::uint8_t> between_;   // these rows at the window's width
  std::vector<std::int32_t> row_sums_;  // one output row
};

}  // namespace quant
