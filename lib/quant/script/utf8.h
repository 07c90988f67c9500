// SPDX-License-Identifier: MIT
// One character of UTF-8 at a time: columns are counted in characters, not in bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace quant {

// Bytes of the well-formed character at `index` < text.size(); 0 where there is none (overlong
// form, surrogate, above U+10FFFF, cut off).
std::size_t utf8_length(std::string_view text, std::size_t index);

}  // namespace quant
