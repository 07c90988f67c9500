// SPDX-License-Identifier: MIT
// Sums and averages of quantized elements: an exact integer sum, one float32 multiplication.
#pragma once

#include <cstdint>

namespace quant {

// Of S = Σ (q − zp) over `count` elements: average t = float(S)·M, M =
// float32(double(s_in)/(double(s_out)·count)).
float average_multiplier(float input_scale, float output_scale, std::int64_t count);
// Sum: M = float32(double(s_in)/double(s_out)), see scale_ratio. Where S may leave int32 (count·255
// > 2^31 − 1), the same with double(S) and M in double.
double wide_average_multiplier(float input_scale, float output_scale, std::int64_t count);

}  // namespace quant
