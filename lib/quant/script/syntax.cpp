// SPDX-License-Identifier: MIT
#include "quant/script/syntax.h"

#include <fmt/format.h>

namespace quant {

bool ScriptValue::operator==(const ScriptValue& other) const {
  return kind == other.kind && text == other.text && number == other.number && items == other.items;
}

bool Argument::operator==(const Argument& other) const {
  return name == other.name && value == other.value;
}

bool Statement::operator==(const Statement& other) const {
  return targets == other.targets && receiver == other.receiver && command == other.command &&
         arguments == other.arguments;
}

std::string to_text(const ScriptValue& value) {
  switch (value.kind) {
    case ScriptValue::Kind::kNumber:
    case ScriptValue::Kind::kWord:
      return value.text;
    case ScriptValue::Kind::kString: {
      // There are no escapes: a string holds at most one of the two quotes.
      const char quote = value.text.find('"') == std::string::npos ? '"' : '\'';
      return quote + value.text + quote;
    }
    case ScriptValue::Kind::kGlob:
      return "{" + value.text + "}";
    case ScriptValue::Kind::kList:
      break;
  }
  std::string text;
  for (const ScriptValue& item : value.items) text += (text.empty() ? "" : ", ") + to_text(item);
  return "[" + text + "]";
}

std::string to_text(const Statement& statement) {
  std::string targets;
  for (const ScriptValue& target : statement.targets)
    targets += (targets.empty() ? "" : ", ") + to_text(target);
  if (!targets.empty()) targets += " = ";
  std::string arguments;
  for (const Argument& argument : statement.arguments) {
    if (!arguments.empty()) arguments += ", ";
    if (!argument.name.empty()) arguments += argument.name + "=";
    arguments += to_text(argument.value);
  }
  const std::string receiver = statement.receiver.empty() ? "" : statement.receiver + ".";
  return fmt::format("{}{}{}({})", targets, receiver, statement.command, arguments);
}

std::string to_text(std::span<const Statement> statements) {
  std::string text;
  for (const Statement& statement : statements) text += to_text(statement) + "\n";
  return text;
}

}  // namespace quant
