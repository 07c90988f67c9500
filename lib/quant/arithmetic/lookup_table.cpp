// SPDX-License-Identifier: MIT
#include "quant/arithmetic/lookup_table.h"

#include <cmath>

#include "quant/tensor/visit_activation.h"
namespace quant {
namespace {

template <typename Function>
LookupTable make_table(DataType input, DataType output, const Function& level) {
  LookupTable table{input, output, {}};
  const std::int32_t highest = greatest_activation(input);
  table.entries.reserve(static_cast<std::size_t>(highest) + 1);
  for (std::int32_t q = 0; q <= highest; ++q)
    table.entries.push_back(static_cast<std::uint16_t>(level(q)));
  return table;
}

}  // namespace

LookupTable make_lookup_table(const std::function<double(double)>& function,
                              const AffineParams& input, float output_scale,
                              const OutputRange& output, DataType input_type,
                              DataType output_type) {
  return make_table(input_type, output_type, [&](std::int32_t q) {
    const double real =
        static_cast<double>(q - input.zero_point) * static_cast<double>(input.scale);
    const double value = function(real) / static_cast<double>(output_scale);
    return round_to_output(std::isnan(value) ? 0.0 : value, output);
  });
}

LookupTable make_requantize_table(const AffineParams& input, float output_scale,
                                  const OutputRange& output, DataType input_type,
                                  DataType output_type) {
  const auto make = [&](auto multiplier) {
    return make_table(input_type, output_type, [&](std::int32_t q) {
      return requantize<std::uint16_t>(q - input.zero_point, multiplier, output);
    });
  };
  const bool narrow = input_type == DataType::kUint8 && output_type == DataType::kUint8;
  return narrow ? make(scale_ratio<float>(input.scale, output_scale))
                : make(scale_ratio<double>(input.scale, output_scale));
}

bool is_identity(const LookupTable& table) {
  if (table.input != table.output) return false;
  for (std::size_t q = 0; q < table.entries.size(); ++q) {
    if (table.entries[q] != q) return false;
  }
  return true;
}

}  // namespace quant
