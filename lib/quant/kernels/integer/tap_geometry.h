// SPDX-License-Identifier: MIT
// A convolution as phases of taps: output (out_y + a·out_step, out_x + b·out_step) of a phase reads
// input (a·in_step + dy, b·in_step + dx) for each tap. A convolution is one phase; a transposed one
// has stride_h·stride_w of them, each an ordinary convolution with a part of the kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/kernels/integer/conv2d.h"

namespace quant::integer {

struct Tap {
  std::int64_t dy = 0, dx = 0;  // input offset
  std::int64_t ky = 0, kx = 0;  // where the weight lies in the kernel
};

struct TapPhase {
  std::int64_t out_y = 0, out_x = 0;   // first output
  std::int64_t rows = 0, columns = 0;  // outputs
  std::vector<Tap> taps;               // sorted by dy, then dx; every dy has the same dx
  std::int64_t taps_per_row = 0;       // how many dx
  bool consecutive = false;            // dx of a row are neighbours
};

struct TapGeometry {
  std::int64_t in_step_h = 1, in_step_w = 1;
  std::int64_t out_step_h = 1, out_step_w = 1;
  std::vector<TapPhase> phases;  // none of them empty of outputs
};

TapGeometry conv2d_taps(const Conv2dShape& shape);
TapGeometry conv_transpose2d_taps(const Conv2dShape& shape);

}  // namespace quant::integer
