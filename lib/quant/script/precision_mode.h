// SPDX-License-Identifier: MIT
// How many bits a layer has: a<input>_w<weights>[_a<output>], as in a8_w8, a16_w16, a16_w8_a16.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace quant {

struct PrecisionMode {
  int input_bits = 8;   // 8 or 16
  int weight_bits = 8;  // 4, 8 or 16
  int output_bits = 8;  // 8 or 16; as the input where the mode does not say

  bool operator==(const PrecisionMode&) const = default;
};

// Nothing where the text is no precision mode. Upper and lower case are the same.
std::optional<PrecisionMode> precision_mode_from_string(std::string_view text);

// The short form where output and input are the same.
std::string to_string(const PrecisionMode& mode);

}  // namespace quant
