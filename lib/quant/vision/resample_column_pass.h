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
  // Of `axis`, whose sizes are 65535 at most.
  explicit ResampleColumnPass(ResampleAxis axis);

  // The rows that the axis looks at, the first of which is `in`, `row_bytes` each and
  // `in_row_bytes` apart, to those that it makes, of as many bytes.
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
