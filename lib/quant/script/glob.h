// SPDX-License-Identifier: MIT
// Patterns over names: * any text, ? one character, [0-9a] one of these, [!0-9] one of the others.
#pragma once

#include <string_view>

namespace quant {

// Not empty, and every [ has its ].
bool is_glob(std::string_view pattern);

// The whole name. In a time that grows with the product of both lengths, whatever the pattern.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace quant
