// SPDX-License-Identifier: MIT
// Resizes 8-bit images with a triangle filter that widens when it shrinks (antialiased bilinear):
// the rule of Pillow's BILINEAR, pixel for pixel, since that is what training pipelines feed and
// OpenCV's INTER_LINEAR (no antialiasing) and INTER_AREA (box) are other pictures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "quant/vision/pixel_view.h"
#include "quant/vision/resample_column_pass.h"
#include "quant/vision/resample_row_pass.h"

namespace quant {

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
  PixelView in_;  // its sizes alone
  int out_width_;
  int out_height_;
  PixelWindow window_;
  int first_row_;                                  // of the input, that is looked at
  int end_row_;                                    // one behind the last
  std::optional<ResampleRowPass> row_pass_;        // where the widths differ
  std::optional<ResampleColumnPass> column_pass_;  // where the heights differ
  std::vector<std::uint8_t> between_;              // the rows looked at, at the window's width
};

}  // namespace quant
