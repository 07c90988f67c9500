// SPDX-License-Identifier: MIT
// Names from files end up in JSON and on screens: they must be text.
#pragma once

#include <string_view>

namespace quant {

// Well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8(std::string_view text);
// is_utf8 and free of control characters.
bool is_printable(std::string_view text);

}  // namespace quant
