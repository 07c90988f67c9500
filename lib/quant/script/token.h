// SPDX-License-Identifier: MIT
// The smallest pieces of a script.
#pragma once

#include <string>
#include <string_view>

#include "quant/script/diagnostic.h"

namespace quant {

enum class TokenKind {
  kEnd,
  kWord,    // conv1, net/conv1, a16_w16, ctx.place, True
  kNumber,  // 1e-5, 0., -100
  kString,  // "…" or '…', on one line, without escapes
  kGlob,    // {conv*}, on one line
  kOpenParenthesis,
  kCloseParenthesis,
  kOpenBracket,
  kCloseBracket,
  kComma,
  kEquals,
  kInvalid,  // `error` says why; the reader goes on behind it
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  // As written, strings without their quotes and globs without their braces. Lives as long as the
  // script's text.
  std::string_view text;
  double number = 0.0;  // kNumber
  SourcePosition at;
  SourcePosition end;          // behind the last character
  bool first_on_line = false;  // nothing but space before it
  std::string error;           // kInvalid
};

}  // namespace quant
