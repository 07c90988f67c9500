// SPDX-License-Identifier: MIT
#include "quant/script/parser.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "quant/script/lexer.h"
#include "quant/script/utf8.h"

namespace quant {
namespace {

// The first place that is no text, before anything else looks at it.
std::optional<Diagnostic> find_binary(std::string_view text) {
  if (text.size() > kMaxScriptBytes) {
    return Diagnostic{
        {1, 1},
        fmt::format("the script has {} bytes, the limit is {}", text.size(), kMaxScriptBytes)};
  }
  SourcePosition at{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return Diagnostic{at, "this is not UTF-8 text"};
    if (text[i] == '\0') return Diagnostic{at, "there is a NUL byte here: this is not text"};
    at = text[i] == '\n' ? SourcePosition{at.line + 1, 1} : SourcePosition{at.line, at.column + 1};
    i += length;
  }
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) { step(); }

  Syntax run() {
    while (token_.kind != TokenKind::kEnd) {
      if (syntax_.statements.size() == kMaxStatements) {
        report(token_.at, fmt::format("more than {} statements", kMaxStatements));
        break;
      }
      if (auto statement = parse_statement()) {
        syntax_.statements.push_back(std::move(*statement));
      } else {
        if (syntax_.errors.size() == kMaxErrors) {
          report(token_.at, "too many errors: the rest is not read");
          break;
        }
        skip_to_next_statement();
      }
    }
    return std::move(syntax_);
  }

 private:
  // What a function returns that has reported an error.
  static constexpr std::nullopt_t kFailed = std::nullopt;

  void step() {
    previous_end_ = token_.end;
    token_ = lexer_.next();
  }

  std::nullopt_t report(SourcePosition at, std::string message) {
    syntax_.errors.push_back({at, std::move(message)});
    return kFailed;
  }

  // The token that stands where another should: an invalid one has an error of its own, and what is
  // missing at the end of a line is shown there.
  std::nullopt_t expected(std::string_view what) {
    if (token_.kind == TokenKind::kInvalid) return report(token_.at, token_.error);
    const bool is_missing = token_.first_on_line || token_.kind == TokenKind::kEnd;
    const bool has_previous = previous_end_.line > 0;
    return report(is_missing && has_previous ? previous_end_ : token_.at,
                  fmt::format("expected {}", what));
  }

  TokenKind peek() const { return Lexer(lexer_).next().kind; }

  bool is_on_this_line(TokenKind kind) const {
    return token_.kind == kind && !token_.first_on_line;
  }

  // word ( … or word [, word] = word ( …; looks ahead without moving.
  bool can_begin_statement() const {
    Lexer ahead = lexer_;
    Token token = token_;
    const auto is_target = [&] {
      return token.kind == TokenKind::kWord || token.kind == TokenKind::kGlob;
    };
    while (is_target()) {
      const bool is_word = token.kind == TokenKind::kWord;
      token = ahead.next();
      if (token.kind == TokenKind::kOpenParenthesis) return is_word;
      if (token.kind == TokenKind::kEquals) {
        const bool has_command = ahead.next().kind == TokenKind::kWord;
        return has_command && ahead.next().kind == TokenKind::kOpenParenthesis;
      }
      if (token.kind != TokenKind::kComma) return false;
      token = ahead.next();
      if (token.first_on_line) return false;
    }
    return false;
  }

  // A line inside brackets that looks like a statement is one: it is the brackets that lack their
  // end.
  bool begins_next_statement() const { return token_.first_on_line && can_begin_statement(); }

  void skip_to_next_statement() {
    while (token_.kind != TokenKind::kEnd) {
      if (token_.at != statement_start_ && begins_next_statement()) return;
      step();
    }
  }

  std::optional<Statement> parse_statement() {
    statement_start_ = token_.at;
    Statement statement;
    if (token_.kind != TokenKind::kWord && token_.kind != TokenKind::kGlob)
      return expected_command();
    if (peek() != TokenKind::kOpenParenthesis && !parse_targets(statement)) return kFailed;
    if (token_.kind != TokenKind::kWord || (!statement.targets.empty() && token_.first_on_line))
      return expected_command();
    const std::string_view name = token_.text;
    const std::size_t dot = name.rfind('.');
    statement.at = token_.at;
    statement.command = name.substr(dot == std::string_view::npos ? 0 : dot + 1);
    if (dot != std::string_view::npos) statement.receiver = name.substr(0, dot);
    step();
    if (!is_on_this_line(TokenKind::kOpenParenthesis))
      return expected(fmt::format("'(' after {}", in_quotes(name)));
    if (!parse_arguments(statement)) return kFailed;
    statement.end = previous_end_;
    if (token_.kind != TokenKind::kEnd && !token_.first_on_line) {
      if (token_.kind == TokenKind::kInvalid) return report(token_.at, token_.error);
      return report(token_.at, "a statement ends its line: nothing may stand behind its ')'");
    }
    return statement;
  }

  std::nullopt_t expected_command() {
    return expected("a command: name(arguments) or result = name(arguments)");
  }

  bool parse_targets(Statement& statement) {
    while (token_.kind == TokenKind::kWord || token_.kind == TokenKind::kGlob) {
      const bool is_word = token_.kind == TokenKind::kWord;
      statement.targets.push_back({is_word ? ScriptValue::Kind::kWord : ScriptValue::Kind::kGlob,
                                   std::string(token_.text),
                                   0.0,
                                   {},
                                   token_.at});
      step();
      if (is_on_this_line(TokenKind::kEquals)) {
        step();
        return true;
      }
      if (!is_on_this_line(TokenKind::kComma)) {
        expected(fmt::format("'(' or '=' after {}", in_quotes(statement.targets.back().text)));
        return false;
      }
      step();
    }
    expected("a name");
    return false;
  }

  bool parse_arguments(Statement& statement) {
    const SourcePosition open = token_.at;
    argument_names_.clear();
    step();
    while (token_.kind != TokenKind::kCloseParenthesis) {
      auto argument = parse_argument(statement);
      if (!argument) return false;
      statement.arguments.push_back(std::move(*argument));
      if (token_.kind == TokenKind::kComma) {
        step();
      } else if (token_.kind != TokenKind::kCloseParenthesis) {
        return close_is_missing(open, ")");
      }
    }
    step();
    return true;
  }

  std::optional<Argument> parse_argument(const Statement& statement) {
    Argument argument;
    argument.at = token_.at;
    if (begins_next_statement()) return expected("a value or ')'");
    if (token_.kind == TokenKind::kWord && peek() == TokenKind::kEquals) {
      argument.name = token_.text;
      if (!argument_names_.insert(token_.text).second)
        return report(token_.at, fmt::format("{} is given twice", in_quotes(argument.name)));
      step();
      step();
    } else if (!statement.arguments.empty() && !statement.arguments.back().name.empty() &&
               token_.kind != TokenKind::kInvalid) {
      return report(token_.at, "a value without a name cannot stand behind one with a name");
    }
    auto value = parse_value(0);
    if (!value) return kFailed;
    argument.value = std::move(*value);
    return argument;
  }

  std::optional<ScriptValue> parse_value(int nesting) {
    ScriptValue value;
    value.at = token_.at;
    value.text = token_.text;
    switch (token_.kind) {
      case TokenKind::kNumber:
        value.kind = ScriptValue::Kind::kNumber;
        value.number = token_.number;
        break;
      case TokenKind::kWord:
        if (begins_next_statement()) return expected("a value or ']'");
        value.kind = ScriptValue::Kind::kWord;
        break;
      case TokenKind::kString:
        value.kind = ScriptValue::Kind::kString;
        break;
      case TokenKind::kGlob:
        value.kind = ScriptValue::Kind::kGlob;
        break;
      case TokenKind::kOpenBracket:
        return parse_list(nesting);
      case TokenKind::kCloseBracket:
      case TokenKind::kOpenParenthesis:
      case TokenKind::kCloseParenthesis:
      case TokenKind::kComma:
      case TokenKind::kEquals:
      case TokenKind::kInvalid:
      case TokenKind::kEnd:
        return expected("a value");
    }
    step();
    return value;
  }

  std::optional<ScriptValue> parse_list(int nesting) {
    if (nesting == kMaxNesting)
      return report(token_.at, fmt::format("lists are nested deeper than {}", kMaxNesting));
    ScriptValue list;
    list.kind = ScriptValue::Kind::kList;
    list.at = token_.at;
    step();
    while (token_.kind != TokenKind::kCloseBracket) {
      auto item = parse_value(nesting + 1);
      if (!item) return kFailed;
      list.items.push_back(std::move(*item));
      if (token_.kind == TokenKind::kComma) {
        step();
      } else if (token_.kind != TokenKind::kCloseBracket) {
        close_is_missing(list.at, "]");
        return kFailed;
      }
    }
    step();
    return list;
  }

  // At the end of the script the reader wants to know which bracket stayed open.
  bool close_is_missing(SourcePosition open, std::string_view close) {
    if (token_.kind == TokenKind::kEnd) {
      report(open, fmt::format("this is never closed by {}", in_quotes(close)));
    } else {
      expected(fmt::format("',' or {}", in_quotes(close)));
    }
    return false;
  }

  Lexer lexer_;
  Token token_;
  SourcePosition previous_end_;
  SourcePosition statement_start_;
  std::set<std::string_view> argument_names_;  // of the statement that is read
  Syntax syntax_;
};

}  // namespace

Syntax parse_syntax(std::string_view text) {
  if (auto binary = find_binary(text)) return {{}, {std::move(*binary)}};
  return Parser(text).run();
}

}  // namespace quant
