// SPDX-License-Identifier: MIT
// Functions of one tensor as tables: computed once, stored in the archive, so that no libm decides
// a bit later.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "quant/arithmetic/lookup_rule.h"
#include "quant/arithmetic/requantize.h"
#include "quant/tensor/data_type.h"

namespace quant {

// One level of the output for each level of the input. Types: uint8 or uint16.
struct LookupTable {
  DataType input = DataType::kUint8;
  DataType output = DataType::kUint8;
  std::vector<std::uint16_t> entries;  // 256 or 65536, none above the output's highest level
  LookupRule rule = {};                // where it is known, it makes every one of the entries

  std::uint16_t operator[](std::size_t q) const { return entries[q]; }
};

// table[q] = round_to_output(f((q − zp)·s_in) / s_out) in double; a NaN of f counts as 0.
LookupTable make_lookup_table(const std::function<double(double)>& function,
                              const AffineParams& input, float output_scale,
                              const OutputRange& output, DataType input_type = DataType::kUint8,
                              DataType output_type = DataType::kUint8);

// table[q] = requantize(q − zp, Real(double(s_in)/s_out)): the same real values at another scale;
// Real is RuleReal of both types. Identity where parameters and types are equal and the range is
// whole.
LookupTable make_requantize_table(const AffineParams& input, float output_scale,
                                  const OutputRange& output, DataType input_type = DataType::kUint8,
                                  DataType output_type = DataType::kUint8);

bool is_identity(const LookupTable& table);

}  // namespace quant
