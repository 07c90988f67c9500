// SPDX-License-Identifier: MIT
#include "quant/arithmetic/lookup_table.h"

#include <cmath>

namespace quant {

LookupTable make_lookup_table(const std::function<double(double)>& function,
                              const AffineParams& input, float output_scale,
                              const OutputRange& output) {
  LookupTable table;
  for (std::int32_t q = 0; q < 256; ++q) {
    const double real =
        static_cast<double>(q - input.zero_point) * static_cast<double>(input.scale);
    double value = function(real) / static_cast<double>(output_scale);
    if (std::isnan(value)) value = 0;
    table[static_cast<std::size_t>(q)] = static_cast<std::uint8_t>(round_to_output(value, output));
  }
  return table;
}

LookupTable make_requantize_table(const AffineParams& input, float output_scale,
                                  const OutputRange& output) {
  const float multiplier = scale_ratio(input.scale, output_scale);
  LookupTable table;
  for (std::int32_t q = 0; q < 256; ++q) {
    table[static_cast<std::size_t>(q)] = requantize_u8(q - input.zero_point, multiplier, output);
  }
  return table;
}

bool is_identity(const LookupTable& table) {
  for (std::size_t q = 0; q < table.size(); ++q) {
    if (table[q] != q) return false;
  }
  return true;
}

}  // namespace quant
