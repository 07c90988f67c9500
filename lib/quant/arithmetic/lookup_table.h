// SPDX-License-Identifier: MIT
// Functions of one 8-bit tensor as tables: computed once, stored in the archive, so that no libm
// decides a bit later.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "quant/arithmetic/requantize.h"

namespace quant {

using LookupTable = std::array<std::uint8_t, 256>;

// table[q] = round_to_output(f((q − zp)·s_in) / s_out) in double; a NaN of f counts as 0.
LookupTable make_lookup_table(const std::function<double(double)>& function,
                              const AffineParams& input, float output_scale,
                              const OutputRange& output);

// table[q] = requantize_u8(q − zp, float32(double(s_in)/s_out)): the same real values at another
// scale. Identity where parameters are equal and the range is 0…255.
LookupTable make_requantize_table(const AffineParams& input, float output_scale,
                                  const OutputRange& output);

bool is_identity(const LookupTable& table);

}  // namespace quant
