// SPDX-License-Identifier: MIT
// An error of a script with its place, and how a person is shown it.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quant {

// Both from 1; columns count characters. Line 0: nowhere in a script.
struct SourcePosition {
  int line = 0;
  int column = 0;

  // clang-tidy 14 takes its comparison with 0 for one with a null pointer.
  auto operator<=>(const SourcePosition&) const = default;  // NOLINT(modernize-use-nullptr)
};

// A script as it was given; `file` is how messages call it.
struct ScriptSource {
  std::string file;
  std::string text;

  bool operator==(const ScriptSource&) const = default;
};

struct Diagnostic {
  SourcePosition at;
  std::string message;

  bool operator==(const Diagnostic&) const = default;
};

// After so many, nobody reads on.
inline constexpr std::size_t kMaxErrors = 50;

// Three lines without a last newline: "file:line:column: message", the source line, a caret under
// the column. Of a long line only the part around the column is shown.
std::string render(const ScriptSource& source, const Diagnostic& diagnostic);
// All of them in the order of the script, one after another.
std::string render(const ScriptSource& source, std::vector<Diagnostic> diagnostics);

// A name or value of a script as a message shows it: 'conv1', without control characters, and
// shortened where it is long.
std::string in_quotes(std::string_view text);

}  // namespace quant
