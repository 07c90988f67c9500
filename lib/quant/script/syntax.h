// SPDX-License-Identifier: MIT
// A script as it is written: statements, their arguments and values, without their meaning.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/script/diagnostic.h"

namespace quant {

// Equal where they say the same; where they stand does not count.
struct ScriptValue {
  enum class Kind { kNumber, kWord, kString, kGlob, kList };

  Kind kind = Kind::kWord;
  std::string text;                // as written; strings without quotes, globs without braces
  double number = 0.0;             // kNumber
  std::vector<ScriptValue> items;  // kList
  SourcePosition at;

  bool operator==(const ScriptValue& other) const;
};

struct Argument {
  std::string name;  // empty: by position
  SourcePosition at;
  ScriptValue value;

  bool operator==(const Argument& other) const;
};

// targets = receiver.command(arguments)
struct Statement {
  std::vector<ScriptValue> targets;  // words and globs
  std::string receiver;              // "context_0" of context_0.place(…); empty for most
  std::string command;
  std::vector<Argument> arguments;
  SourcePosition at;   // of the command
  SourcePosition end;  // behind the closing parenthesis

  bool operator==(const Statement& other) const;
};

// What the parser reads again to the same.
std::string to_text(const ScriptValue& value);
std::string to_text(const Statement& statement);
std::string to_text(std::span<const Statement> statements);  // one a line

}  // namespace quant
