// SPDX-License-Identifier: MIT
#include "quant/script/diagnostic.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/script/utf8.h"

namespace quant {
namespace {

constexpr std::size_t kShownBefore = 60;
constexpr std::size_t kShownAfter = 40;
constexpr std::size_t kQuotedCharacters = 60;
constexpr std::string_view kCut = "…";

std::string_view line_of(std::string_view text, int line) {
  std::size_t start = 0;
  for (int i = 1; i < line; ++i) {
    const std::size_t newline = text.find('\n', start);
    if (newline == std::string_view::npos) return {};
    start = newline + 1;
  }
  std::string_view found = text.substr(start, text.find('\n', start) - start);
  if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
  return found;
}

// Characters `first` to `last` of the text, each fit for a terminal (a tab is one space, so that
// the caret stands right), with a mark on either side where there are more.
std::string shown_part(std::string_view text, std::size_t first, std::size_t last) {
  std::string shown = first > 0 ? std::string(kCut) : "";
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    if (count == last) return shown + std::string(kCut);
    const std::size_t length = utf8_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (count >= first) {
      if (byte == '\t') {
        shown += ' ';
      } else if (length == 0 || byte < 0x20 || byte == 0x7F) {
        shown += '?';
      } else {
        shown += text.substr(i, length);
      }
    }
    i += std::max<std::size_t>(length, 1);
  }
  return shown;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  return "'" + shown_part(text, 0, kQuotedCharacters) + "'";
}

std::string render(const ScriptSource& source, const Diagnostic& diagnostic) {
  const auto [line, column] = diagnostic.at;
  const auto caret = static_cast<std::size_t>(std::max(column, 1) - 1);
  const std::size_t first = caret > kShownBefore + kShownAfter ? caret - kShownBefore : 0;
  const std::size_t last = std::max(caret, kShownBefore) + kShownAfter + 1;
  const std::string shown = shown_part(line_of(source.text, line), first, last);
  const std::size_t indent = caret - first + (first > 0 ? 1 : 0);
  return fmt::format("{}:{}:{}: {}\n{}\n{}^", source.file, line, column, diagnostic.message, shown,
                     std::string(indent, ' '));
}

std::string render(const ScriptSource& source, std::vector<Diagnostic> diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics)
    text += (text.empty() ? "" : "\n") + render(source, diagnostic);
  return text;
}

}  // namespace quant
