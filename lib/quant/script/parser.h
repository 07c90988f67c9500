// SPDX-License-Identifier: MIT
// From text to statements. Knows no command: that is the command table's part.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "quant/script/diagnostic.h"
#include "quant/script/syntax.h"

namespace quant {

// The largest script of a public model zoo has 1 MiB and 5000 statements.
inline constexpr std::size_t kMaxScriptBytes = std::size_t{4} << 20U;
inline constexpr std::size_t kMaxStatements = 100'000;
inline constexpr int kMaxNesting = 16;

struct Syntax {
  std::vector<Statement> statements;  // those without an error
  std::vector<Diagnostic> errors;     // in the order of the script
};

// After an error it goes on at the next line that can begin a statement.
Syntax parse_syntax(std::string_view text);

}  // namespace quant
