// SPDX-License-Identifier: MIT
// From text to tokens, one at a time, so that a hostile script costs no memory. Comments (# to the
// end of the line) and space are left out; lines end with \n or \r\n.
#pragma once

#include <cstddef>
#include <string_view>

#include "quant/script/token.h"

namespace quant {

// A copy is a second reader at the same place: that is how the parser looks ahead.
class Lexer {
 public:
  // `text` outlives the lexer and its tokens.
  explicit Lexer(std::string_view text);

  // kEnd for ever, once the text has ended.
  Token next();

 private:
  bool at_end() const { return index_ == text_.size(); }
  void skip_space();
  void advance();
  Token finish(Token token, std::size_t start) const;
  Token enclosed(Token token, char close, TokenKind kind);
  Token word_or_number(Token token);

  std::string_view text_;
  std::size_t index_ = 0;
  SourcePosition at_{1, 1};
  bool line_is_blank_ = true;
};

}  // namespace quant
