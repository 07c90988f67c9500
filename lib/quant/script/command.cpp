// SPDX-License-Identifier: MIT
#include "quant/script/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/script/nearest_name.h"

namespace quant {
namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  names.reserve(parameters.size());
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

std::string unknown_parameter(const std::string& name, const Command& command) {
  const auto names = names_of(command.parameters);
  std::string message = fmt::format("{} is no parameter of {}", in_quotes(name), command.label());
  const std::string suggestion = did_you_mean(name, names);
  if (!suggestion.empty()) return message + suggestion;
  return message + fmt::format("; it has {}", fmt::join(names, ", "));
}

// The parameters that take values by position, in their order.
std::vector<std::size_t> places_of(const std::vector<Parameter>& parameters, std::size_t values) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].is_positional) places.push_back(i);
  }
  if (!places.empty() && parameters[places[0]].is_left_out_first && values < places.size())
    places.erase(places.begin());
  return places;
}

}  // namespace

std::string Command::label() const { return feature.empty() ? name : name + "(" + feature + ")"; }

Diagnostic wrong_value(const Parameter& parameter, const ScriptValue& value) {
  const std::string suggestion =
      value.kind == ScriptValue::Kind::kWord ? did_you_mean(value.text, parameter.words) : "";
  return {value.at, fmt::format("{} takes {}, not {}{}", parameter.name, parameter.type,
                                in_quotes(to_text(value)), suggestion)};
}

std::vector<const ScriptValue*> bind_arguments(const Statement& statement, const Command& command,
                                               std::vector<Diagnostic>& errors) {
  const std::size_t errors_before = errors.size();
  const std::vector<Parameter>& parameters = command.parameters;
  const auto first = statement.arguments.begin() + (command.feature.empty() ? 0 : 1);
  const auto positional = std::count_if(first, statement.arguments.end(),
                                        [](const Argument& one) { return one.name.empty(); });
  const auto places = places_of(parameters, static_cast<std::size_t>(positional));
  std::vector<const ScriptValue*> values(parameters.size(), nullptr);
  std::size_t place = 0;
  for (auto argument = first; argument != statement.arguments.end(); ++argument) {
    if (errors.size() > kMaxErrors) break;
    std::size_t index = parameters.size();
    if (!argument->name.empty()) {
      const auto names = names_of(parameters);
      index = static_cast<std::size_t>(std::find(names.begin(), names.end(), argument->name) -
                                       names.begin());
    } else if (place < places.size()) {
      index = places[place++];
    }
    if (index == parameters.size()) {
      errors.push_back({argument->at, argument->name.empty()
                                          ? fmt::format("{} takes {} values without a name at most",
                                                        command.label(), places.size())
                                          : unknown_parameter(argument->name, command)});
    } else if (values[index] != nullptr) {
      errors.push_back({argument->at, fmt::format("{} is given twice", in_quotes(argument->name))});
    } else {
      values[index] = &argument->value;
    }
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].is_required && values[i] == nullptr && errors.size() == errors_before) {
      errors.push_back({statement.at, fmt::format("{} needs {}: {}", command.label(),
                                                  parameters[i].name, parameters[i].type)});
    }
  }
  return values;
}

}  // namespace quant
