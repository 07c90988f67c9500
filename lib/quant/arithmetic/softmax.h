// SPDX-License-Identifier: MIT
// Softmax on integers: a table of exponentials, an exact sum, one division in double.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/arithmetic/requantize.h"
#include "quant/tensor/data_type.h"

namespace quant {

// T[d] = rint(exp(−d·s_in)·2^23), d = max − q from 0 to the highest level of the input's type.
// T[0] = 2^23, so no sum is 0; a sum over n elements is at most n·2^23, inside uint64 for every
// n < 2^41, and exact in double up to n = 2^30.
using SoftmaxTable = std::vector<std::uint32_t>;
inline constexpr int kSoftmaxBits = 23;
SoftmaxTable make_softmax_table(float input_scale, DataType input = DataType::kUint8);

// q = round_to_output(double(T[max − q_in]) / double(ΣT) / double(s_out)), divisions in this order.
inline std::int32_t softmax_value(std::uint32_t exponential, std::uint64_t sum, double output_scale,
                                  const OutputRange& output) {
  return round_to_output(static_cast<double>(exponential) / static_cast<double>(sum) / output_scale,
                         output);
}

}  // namespace quant
