// SPDX-License-Identifier: MIT
// The pass of a Resampler that changes the height, at the speed of the vector unit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/vision/resample_axis.h"

namespace quant {

// Reentrant. The same bits on every instruction set, as ResampleRowPass.
class ResampleColumnPass {
 public:
  // Preconditions: sizes 1 to 65535.
  ResampleColumnPass(int in_height, int out_height);

  // in_height rows of `row_bytes` each, `in_row_bytes` apart, to out_height of as many bytes.
  void run(const std::uint8_t* in, std::ptrdiff_t in_row_bytes, std::size_t row_bytes,
           std::uint8_t* out, std::ptrdiff_t out_row_bytes) const;

  // Halves (SplitWeight) of two rows' weights, in two halves of a word.
  struct WeightPair {
    std::int32_t high;
    std::int32_t low;
  };

 private:
  ResampleAxis axis_;
  std::vector<std::size_t> pairs_;  // where those of each output row begin
  std::vector<WeightPair> weights_;
};

}  // namespace quant
