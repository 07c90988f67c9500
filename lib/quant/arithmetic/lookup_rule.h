// SPDX-License-Identifier: MIT
// Arithmetic that makes the entries of a table, where such is known. A table of 65536 entries does
// not fit into the nearest cache, and vectors do not look anything up in it.
#pragma once

#include <cstdint>
#include <variant>

#include "quant/arithmetic/requantize.h"

namespace quant {

// table[q] = requantize(q − zp, multiplier).
struct StraightLine {
  std::int32_t zero_point = 0;
  double multiplier = 1;
  OutputRange output;
};

// A leaky ReLU as its table is made, each operation rounded to float32, nothing fused: x = (q −
// zp)·s_in, times the slope where x < 0; table[q] = round_to_output(x / s_out).
struct BentLine {
  AffineParams input;
  float slope = 1;
  float output_scale = 1;
  OutputRange output;
};

using LookupRule = std::variant<std::monostate, StraightLine, BentLine>;

inline bool is_known(const LookupRule& rule) { return rule.index() != 0; }

}  // namespace quant
