// SPDX-License-Identifier: MIT
#include "quant/script/model_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/script/command_table.h"
#include "quant/script/nearest_name.h"
#include "quant/script/parser.h"

namespace quant {
namespace {

// The command of a statement, or null and an error.
const Command* command_of(const Statement& statement, std::vector<Diagnostic>& errors) {
  const std::vector<std::string> features = features_of(statement.command);
  if (features.empty()) {
    const Command* command = find_command(statement.command);
    if (command == nullptr) {
      errors.push_back(
          {statement.at, fmt::format("there is no command {}{}", in_quotes(statement.command),
                                     did_you_mean(statement.command, command_names()))});
    }
    return command;
  }
  const auto& arguments = statement.arguments;
  const bool has_feature = !arguments.empty() && arguments[0].name.empty() &&
                           arguments[0].value.kind == ScriptValue::Kind::kWord;
  if (!has_feature) {
    errors.push_back({arguments.empty() ? statement.at : arguments[0].at,
                      fmt::format("{} first says what it is about: {}", statement.command,
                                  alternatives_text(features))});
    return nullptr;
  }
  const std::string& feature = arguments[0].value.text;
  const Command* command = find_command(statement.command, feature);
  if (command == nullptr) {
    const std::string suggestion = did_you_mean(feature, features);
    errors.push_back({arguments[0].at,
                      fmt::format("{} knows no {}{}", statement.command, in_quotes(feature),
                                  suggestion.empty() ? "; it knows " + alternatives_text(features)
                                                     : suggestion)});
  }
  return command;
}

void read_statement(const Statement& statement, ModelScript& script,
                    std::vector<Diagnostic>& errors) {
  const Command* command = command_of(statement, errors);
  if (command == nullptr) return;
  if (!command->is_carried_out) {
    script.without_effect.push_back({command->label(), statement.at.line});
    return;
  }
  if (!statement.receiver.empty()) {
    errors.push_back({statement.at, fmt::format("{} is a command of its own, not one of {}",
                                                command->name, in_quotes(statement.receiver))});
    return;
  }
  command->apply(statement, script, errors);
}

}  // namespace

ScriptReading read_model_script(ScriptSource source) {
  ScriptReading reading;
  Syntax syntax = parse_syntax(source.text);
  reading.errors = std::move(syntax.errors);
  for (const Statement& statement : syntax.statements) {
    if (reading.errors.size() > kMaxErrors) break;
    read_statement(statement, reading.script, reading.errors);
  }
  std::stable_sort(reading.errors.begin(), reading.errors.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
  reading.script.source = std::move(source);
  return reading;
}

Result<ModelScript> parse_model_script(ScriptSource source) {
  ScriptReading reading = read_model_script(std::move(source));
  if (!reading.errors.empty())
    return fail(ErrorCode::kInvalidData, render(reading.script.source, reading.errors));
  return std::move(reading.script);
}

}  // namespace quant
