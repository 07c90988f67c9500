// SPDX-License-Identifier: MIT
#include "quant/script/value_type.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "quant/script/glob.h"

namespace quant {
namespace {

bool is_number(const ScriptValue& value, const ValueLimits& limits) {
  return value.kind == ScriptValue::Kind::kNumber && value.number >= limits.least &&
         value.number <= limits.most;
}

bool is_word_or_string(const ScriptValue& value) {
  return value.kind == ScriptValue::Kind::kWord || value.kind == ScriptValue::Kind::kString;
}

std::optional<SelectorItem> selector_item(const ScriptValue& value) {
  switch (value.kind) {
    case ScriptValue::Kind::kWord:
      return SelectorItem{SelectorItem::Kind::kName, value.text, value.at};
    case ScriptValue::Kind::kString:
      if (value.text.empty()) return std::nullopt;
      return SelectorItem{SelectorItem::Kind::kOriginalName, value.text, value.at};
    case ScriptValue::Kind::kGlob:
      if (!is_glob(value.text)) return std::nullopt;
      return SelectorItem{SelectorItem::Kind::kGlob, value.text, value.at};
    case ScriptValue::Kind::kNumber:
    case ScriptValue::Kind::kList:
      break;
  }
  return std::nullopt;
}

std::string limits_text(const char* what, const ValueLimits& limits) {
  const ValueLimits none;
  const bool has_least = limits.least != none.least;
  const bool has_most = limits.most != none.most;
  if (has_least && has_most)
    return fmt::format("{} from {} to {}", what, limits.least, limits.most);
  if (has_least) return fmt::format("{} of at least {}", what, limits.least);
  if (has_most) return fmt::format("{} of at most {}", what, limits.most);
  return what;
}

}  // namespace

bool is_word(const ScriptValue& value, std::string_view word) {
  const auto is_same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return is_word_or_string(value) &&
         std::equal(value.text.begin(), value.text.end(), word.begin(), word.end(), is_same);
}

bool read_value(const ScriptValue& value, const ValueLimits& limits, int& result) {
  const bool is_integer = is_number(value, limits) &&
                          value.number == std::nearbyint(value.number) &&
                          std::abs(value.number) <= std::numeric_limits<int>::max();
  if (is_integer) result = static_cast<int>(value.number);
  return is_integer;
}

bool read_value(const ScriptValue& value, const ValueLimits& limits, double& result) {
  if (!is_number(value, limits)) return false;
  result = value.number;
  return true;
}

bool read_value(const ScriptValue& value, const ValueLimits&, bool& result) {
  for (const char* word : {"enabled", "true"}) {
    if (is_word(value, word)) return result = true;
  }
  for (const char* word : {"disabled", "false"}) {
    if (is_word(value, word)) {
      result = false;
      return true;
    }
  }
  return false;
}

bool read_value(const ScriptValue& value, const ValueLimits&, std::string& result) {
  if (!is_word_or_string(value) || value.text.empty()) return false;
  result = value.text;
  return true;
}

bool read_value(const ScriptValue& value, const ValueLimits&, PrecisionMode& result) {
  const auto mode =
      is_word_or_string(value) ? precision_mode_from_string(value.text) : std::nullopt;
  if (mode) result = *mode;
  return mode.has_value();
}

bool read_value(const ScriptValue& value, const ValueLimits& limits, ValueRange& result) {
  if (value.kind != ScriptValue::Kind::kList || value.items.size() != 2) return false;
  const ScriptValue& low = value.items[0];
  const ScriptValue& high = value.items[1];
  if (!is_number(low, limits) || !is_number(high, limits) || low.number >= high.number)
    return false;
  result = {low.number, high.number};
  return true;
}

bool read_value(const ScriptValue& value, const ValueLimits&, Selector& result) {
  Selector selector;
  const bool is_list = value.kind == ScriptValue::Kind::kList;
  for (const ScriptValue& item : is_list ? value.items : std::vector{value}) {
    auto parsed = selector_item(item);
    if (!parsed) return false;
    selector.items.push_back(std::move(*parsed));
  }
  if (selector.empty()) return false;
  result = std::move(selector);
  return true;
}

std::string type_text(const int*, const ValueLimits& limits) {
  return limits_text("an integer", limits);
}
std::string type_text(const double*, const ValueLimits& limits) {
  return limits_text("a number", limits);
}
std::string type_text(const bool*, const ValueLimits&) { return "enabled or disabled"; }
std::string type_text(const std::string*, const ValueLimits&) { return "a word or quoted text"; }
std::string type_text(const PrecisionMode*, const ValueLimits&) {
  return "a precision mode, as a8_w8 or a16_w16 (a 8 or 16, w 4, 8 or 16)";
}
std::string type_text(const ValueRange*, const ValueLimits& limits) {
  return limits_text("a range [low, high], both a number", limits);
}
std::string type_text(const Selector*, const ValueLimits&) {
  return "a layer's name, a {pattern*}, an \"ONNX node\" or a list of them";
}

std::string alternatives_text(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string value_text(int value) { return fmt::to_string(value); }
std::string value_text(double value) { return fmt::format("{}", value); }
std::string value_text(bool value) { return value ? "enabled" : "disabled"; }
std::string value_text(const std::string& value) { return value; }
std::string value_text(const PrecisionMode& value) { return to_string(value); }
std::string value_text(const ValueRange& value) {
  return fmt::format("[{}, {}]", value.low, value.high);
}
std::string value_text(const Selector& value) { return value.empty() ? "" : to_text(value); }

}  // namespace quant
