// SPDX-License-Identifier: MIT
#include "quant/script/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "quant/script/utf8.h"

namespace quant {
namespace {

// Windows editors put it in front.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Names of compilers hold dots and dashes (resnet_0.5/conv1, concat_d0-1); * and ? are here to be
// told that they stand in braces.
bool is_of_word(char c) {
  return is_letter(c) || is_digit(c) ||
         std::string_view("./-+*?").find(c) != std::string_view::npos;
}

// 25m, 5h: allocator_param has such times.
bool is_duration(std::string_view text) {
  return text.size() > 1 && std::string_view("smh").find(text.back()) != std::string_view::npos &&
         std::all_of(text.begin(), text.end() - 1, is_digit);
}

// The scope of a network may begin with a digit: 3ddfa/conv1.
bool is_scoped_name(std::string_view text) {
  return is_digit(text.front()) && text.find('/') != std::string_view::npos;
}

std::optional<TokenKind> punctuation(char c) {
  switch (c) {
    case '(':
      return TokenKind::kOpenParenthesis;
    case ')':
      return TokenKind::kCloseParenthesis;
    case '[':
      return TokenKind::kOpenBracket;
    case ']':
      return TokenKind::kCloseBracket;
    case ',':
      return TokenKind::kComma;
    case '=':
      return TokenKind::kEquals;
    default:
      return std::nullopt;
  }
}

Token invalid(Token token, std::string error) {
  token.kind = TokenKind::kInvalid;
  token.error = std::move(error);
  return token;
}

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

void Lexer::advance() {
  if (text_[index_] == '\n') {
    ++at_.line;
    at_.column = 1;
    line_is_blank_ = true;
    ++index_;
  } else {
    ++at_.column;
    index_ += std::max<std::size_t>(utf8_length(text_, index_), 1);
  }
}

void Lexer::skip_space() {
  while (!at_end()) {
    const char c = text_[index_];
    if (c == '#') {
      while (!at_end() && text_[index_] != '\n') advance();
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      advance();
    } else {
      return;
    }
  }
}

Token Lexer::finish(Token token, std::size_t start) const {
  token.text = text_.substr(start, index_ - start);
  token.end = at_;
  return token;
}

Token Lexer::next() {
  skip_space();
  Token token;
  token.at = at_;
  token.first_on_line = line_is_blank_;
  if (at_end()) return finish(std::move(token), index_);
  line_is_blank_ = false;
  const std::size_t start = index_;
  const char c = text_[index_];
  if (c == '"' || c == '\'') return enclosed(std::move(token), c, TokenKind::kString);
  if (c == '{') return enclosed(std::move(token), '}', TokenKind::kGlob);
  if (is_of_word(c)) return word_or_number(std::move(token));
  advance();
  token = finish(std::move(token), start);
  if (const auto kind = punctuation(c)) {
    token.kind = *kind;
    return token;
  }
  const std::string error = fmt::format("unexpected character {}", in_quotes(token.text));
  return invalid(std::move(token), error);
}

Token Lexer::enclosed(Token token, char close, TokenKind kind) {
  const char open = text_[index_];
  advance();
  const std::size_t start = index_;
  while (!at_end() && text_[index_] != close && text_[index_] != '\n') advance();
  token = finish(std::move(token), start);
  if (at_end() || text_[index_] != close) {
    return invalid(std::move(token), fmt::format("{} is not closed by {} on its line",
                                                 in_quotes({&open, 1}), in_quotes({&close, 1})));
  }
  advance();
  token.end = at_;
  token.kind = kind;
  return token;
}

Token Lexer::word_or_number(Token token) {
  const std::size_t start = index_;
  while (!at_end() && is_of_word(text_[index_])) advance();
  token = finish(std::move(token), start);
  const std::string_view text = token.text;
  if (text.find_first_of("*?") != std::string_view::npos)
    return invalid(std::move(token), fmt::format("a pattern stands in braces: {}",
                                                 in_quotes(fmt::format("{{{}}}", text))));
  if (is_letter(text.front())) {
    token.kind = TokenKind::kWord;
    return token;
  }
  const std::string_view digits = text.front() == '+' ? text.substr(1) : text;
  const auto [stop, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), token.number);
  const bool is_whole = stop == digits.data() + digits.size() && !text.starts_with("+-");
  if (is_whole && error == std::errc() && std::isfinite(token.number)) {
    token.kind = TokenKind::kNumber;
    return token;
  }
  if (is_whole && error == std::errc::result_out_of_range)
    return invalid(std::move(token),
                   fmt::format("the number {} is too large or too small", in_quotes(text)));
  if (is_duration(text) || is_scoped_name(text)) {
    token.kind = TokenKind::kWord;
    return token;
  }
  return invalid(std::move(token),
                 fmt::format("{} is neither a number nor a name", in_quotes(text)));
}

}  // namespace quant
