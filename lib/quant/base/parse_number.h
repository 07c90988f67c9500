// SPDX-License-Identifier: MIT
// Numbers in text files, whatever the locale.
#pragma once

#include <optional>
#include <string_view>

namespace quant {

// The whole text as a finite number, space around it ignored; nothing where it is none.
std::optional<double> parse_number(std::string_view text);

}  // namespace quant
