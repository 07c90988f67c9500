// SPDX-License-Identifier: MIT
// A command of the script language: its parameters, and where its values go.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "quant/script/model_script.h"
#include "quant/script/syntax.h"
#include "quant/script/value_type.h"

namespace quant {

struct Parameter {
  std::string name;
  std::string type;          // "an integer from 0 to 5"
  std::string default_text;  // empty: none
  std::string description;
  std::vector<std::string> words;  // where the value is one of few words
  bool is_positional = false;      // may stand without its name, in the order of the parameters
  bool is_left_out_first = false;  // with too few values by position it is this one that is missing
  bool is_required = false;
  bool has_effect = true;
};

struct Command {
  std::string name;
  std::string feature;  // the first argument of model_optimization_config(calibration, …); or empty
  std::string description;
  bool is_carried_out = true;  // otherwise its arguments are not looked at
  std::vector<Parameter> parameters;
  // Puts the arguments behind the feature into the script, or adds to the errors.
  std::function<void(const Statement&, ModelScript&, std::vector<Diagnostic>&)> apply;

  // "model_optimization_config(calibration)" or "normalization".
  std::string label() const;
};

// The argument of each parameter, null where it is not given.
std::vector<const ScriptValue*> bind_arguments(const Statement& statement, const Command& command,
                                               std::vector<Diagnostic>& errors);
Diagnostic wrong_value(const Parameter& parameter, const ScriptValue& value);

// A parameter that is a member of `Target`; type and default come from the member.
template <typename Target>
struct Field {
  Parameter parameter;
  std::function<bool(const ScriptValue&, Target&)> store;

  Field positional() && {
    parameter.is_positional = true;
    return std::move(*this);
  }
  Field left_out_first() && {
    parameter.is_left_out_first = true;
    return std::move(*this).positional();
  }
  Field required() && {
    parameter.is_required = true;
    parameter.default_text.clear();
    return std::move(*this);
  }
  Field without_effect() && {
    parameter.has_effect = false;
    return std::move(*this);
  }
};

template <typename Target, typename Value>
Field<Target> field(std::string name, Value Target::*member, std::string description,
                    ValueLimits limits = {}) {
  const auto* type = static_cast<const Value*>(nullptr);
  const Target target;
  return {{std::move(name), type_text(type, limits), value_text(target.*member),
           std::move(description), words_of(type)},
          [member, limits](const ScriptValue& value, Target& into) {
            return read_value(value, limits, into.*member);
          }};
}

// What is wrong with the values taken together, or nothing.
template <typename Target>
using TargetCheck = std::function<std::optional<std::string>(const Target&)>;

// A single setting is changed by every statement; a list grows by every statement.
template <typename Target>
Target start_target(const ModelScript& script, Target ModelScript::*member) {
  return script.*member;
}
template <typename Target>
Target start_target(const ModelScript&, std::vector<Target> ModelScript::*) {
  return {};
}
template <typename Target>
void store_target(ModelScript& script, Target ModelScript::*member, Target target) {
  script.*member = std::move(target);
}
template <typename Target>
void store_target(ModelScript& script, std::vector<Target> ModelScript::*member, Target target) {
  (script.*member).push_back(std::move(target));
}

// `member` is where the values go: a Target or a std::vector<Target> of ModelScript.
template <typename Target, typename Member>
Command carried_out(std::string name, std::string feature, std::string description,
                    std::vector<Field<Target>> fields, Member ModelScript::*member,
                    TargetCheck<Target> check = nullptr) {
  Command command{std::move(name), std::move(feature), std::move(description)};
  for (const Field<Target>& one : fields) command.parameters.push_back(one.parameter);
  command.apply = [bare = command, fields = std::move(fields), member, check = std::move(check)](
                      const Statement& statement, ModelScript& script,
                      std::vector<Diagnostic>& errors) {
    const std::size_t errors_before = errors.size();
    const auto values = bind_arguments(statement, bare, errors);
    Target target = start_target(script, member);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const ScriptValue* value = values[i];
      if (value == nullptr) continue;
      const Parameter& parameter = fields[i].parameter;
      if (!fields[i].store(*value, target)) errors.push_back(wrong_value(parameter, *value));
      if (!parameter.has_effect)
        script.without_effect.push_back({bare.label() + ": " + parameter.name, statement.at.line});
    }
    if (errors.size() > errors_before) return;
    if (auto message = check ? check(target) : std::nullopt) {
      errors.push_back({statement.at, std::move(*message)});
      return;
    }
    target.line = statement.at.line;
    store_target(script, member, std::move(target));
  };
  return command;
}

}  // namespace quant
