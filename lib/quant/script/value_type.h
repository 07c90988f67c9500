// SPDX-License-Identifier: MIT
// How the values of a script become C++ values: reading, and the words for it in messages and help.
// One overload of each of the three functions a type.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "quant/script/layer_settings.h"
#include "quant/script/named_value.h"
#include "quant/script/precision_mode.h"
#include "quant/script/selector.h"
#include "quant/script/syntax.h"

namespace quant {

// Of a number, or of every number in a list; a list has `count` items where that is not 0.
struct ValueLimits {
  double least = std::numeric_limits<double>::lowest();
  double most = std::numeric_limits<double>::max();
  std::size_t count = 0;
};

template <typename Enum>
concept ScriptWord = std::is_enum_v<Enum>;

// Whether the value is one of the type and within the limits; then `result` has it.
bool read_value(const ScriptValue& value, const ValueLimits& limits, int& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, double& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, bool& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, std::string& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, PrecisionMode& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, ValueRange& result);
bool read_value(const ScriptValue& value, const ValueLimits& limits, Selector& result);
// Words are the same in upper and lower case.
bool is_word(const ScriptValue& value, std::string_view word);

template <ScriptWord Enum>
bool read_value(const ScriptValue& value, const ValueLimits&, Enum& result) {
  for (const auto& named : kNamedValues<Enum>) {
    if (!is_word(value, named.name)) continue;
    result = named.value;
    return true;
  }
  return false;
}

template <typename Item>
bool read_value(const ScriptValue& value, const ValueLimits& limits, std::vector<Item>& result) {
  if (value.kind != ScriptValue::Kind::kList || value.items.empty()) return false;
  if (limits.count != 0 && value.items.size() != limits.count) return false;
  std::vector<Item> items(value.items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!read_value(value.items[i], limits, items[i])) return false;
  }
  result = std::move(items);
  return true;
}

template <typename Value>
bool read_value(const ScriptValue& value, const ValueLimits& limits, std::optional<Value>& result) {
  return read_value(value, limits, result.emplace());
}

// What such a value is: "an integer from 0 to 5". The pointer only names the type.
std::string type_text(const int*, const ValueLimits& limits);
std::string type_text(const double*, const ValueLimits& limits);
std::string type_text(const bool*, const ValueLimits& limits);
std::string type_text(const std::string*, const ValueLimits& limits);
std::string type_text(const PrecisionMode*, const ValueLimits& limits);
std::string type_text(const ValueRange*, const ValueLimits& limits);
std::string type_text(const Selector*, const ValueLimits& limits);
// "a, b or c"
std::string alternatives_text(const std::vector<std::string>& words);

// The words that are such a value; empty where it is not a matter of words.
template <typename Value>
std::vector<std::string> words_of(const Value*) {
  std::vector<std::string> words;
  if constexpr (ScriptWord<Value>) {
    for (const auto& named : kNamedValues<Value>) words.emplace_back(named.name);
  } else if constexpr (std::is_same_v<Value, bool>) {
    words = {"enabled", "disabled"};
  }
  return words;
}
template <typename Value>
std::vector<std::string> words_of(const std::optional<Value>*) {
  return words_of(static_cast<const Value*>(nullptr));
}

template <ScriptWord Enum>
std::string type_text(const Enum* type, const ValueLimits&) {
  return alternatives_text(words_of(type));
}
template <typename Item>
std::string type_text(const std::vector<Item>*, const ValueLimits& limits) {
  const std::string count = limits.count == 0 ? "" : " of " + std::to_string(limits.count);
  return "a list" + count + ", each " + type_text(static_cast<const Item*>(nullptr), limits);
}
template <typename Value>
std::string type_text(const std::optional<Value>*, const ValueLimits& limits) {
  return type_text(static_cast<const Value*>(nullptr), limits);
}

// As a script would write it; empty for nothing.
std::string value_text(int value);
std::string value_text(double value);
std::string value_text(bool value);
std::string value_text(const std::string& value);
std::string value_text(const PrecisionMode& value);
std::string value_text(const ValueRange& value);
std::string value_text(const Selector& value);
template <ScriptWord Enum>
std::string value_text(Enum value) {
  return std::string(name_of(value));
}
template <typename Item>
std::string value_text(const std::vector<Item>& value) {
  std::string text;
  for (const Item& item : value) text += (text.empty() ? "" : ", ") + value_text(item);
  return text.empty() ? "" : "[" + text + "]";
}
template <typename Value>
std::string value_text(const std::optional<Value>& value) {
  return value ? value_text(*value) : "";
}

}  // namespace quant
