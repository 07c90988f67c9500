// SPDX-License-Identifier: MIT
// Sums and averages of quantized elements: an exact integer sum, one multiplication.
#pragma once

#include <cstdint>

namespace quant {

// Of S = Σ (q − zp) over `count` elements: average t = Real(S)·M, M =
// Real(double(s_in)/(double(s_out)·count)). Real is float where input and output have 8 bits and S
// fits int32 (count·255 < 2^31), else double. A sum has count 1.
template <typename Real = float>
Real average_multiplier(float input_scale, float output_scale, std::int64_t count) {
  return static_cast<Real>(static_cast<double>(input_scale) /
                           (static_cast<double>(output_scale) * static_cast<double>(count)));
}

}  // namespace quant
