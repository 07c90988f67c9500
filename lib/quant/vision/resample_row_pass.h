// SPDX-License-Identifier: MIT
// The pass of a Resampler that changes the width, at the speed of the vector unit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/vision/pixel_view.h"
#include "quant/vision/resample_axis.h"

namespace quant {

// Reentrant. The same bits on every instruction set: products of pixels and halves of weights are
// summed in int32, which is exact.
class ResampleRowPass {
 public:
  // Of `axis`, whose sizes are 65535 at most. Precondition: channels 1 to 4.
  ResampleRowPass(ResampleAxis axis, int channels);

  // Every row of `in` to one of `out`, rounded to 8 bits. Precondition: width and channels are
  // those that it was made for. Reads nothing outside the rows of `in`.
  void run(const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) const;

 private:
  // The output pixels from `done` on.
  void finish_row(const std::uint8_t* in, int done, std::uint8_t* out) const;

  ResampleAxis axis_;
  int channels_;
  // What the vector unit takes of the axis: the first output pixels, whose loads end within the
  // row; for each the blocks [blocks_[i], blocks_[i + 1]) of weights.
  std::vector<std::uint32_t> blocks_;
  std::vector<std::int16_t> block_weights_;
};

}  // namespace quant
