// SPDX-License-Identifier: MIT
#include "quant/archive/json_field.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace quant {

tl::unexpected<Error> JsonField::wrong(const std::string& what) const {
  return fail(ErrorCode::kInvalidData, what, path_);
}

Result<JsonField> JsonField::at(const std::string& name) const {
  if (!value_->is_object()) return wrong("is not an object");
  const auto found = value_->find(name);
  if (found == value_->end()) return wrong(fmt::format("lacks '{}'", name));
  return JsonField(*found, path_.empty() ? name : fmt::format("{}.{}", path_, name));
}

bool JsonField::has(const std::string& name) const {
  return value_->is_object() && value_->contains(name);
}

Result<std::vector<std::pair<std::string, JsonField>>> JsonField::members() const {
  if (!value_->is_object()) return wrong("is not an object");
  std::vector<std::pair<std::string, JsonField>> result;
  for (const auto& [name, value] : value_->items()) {
    result.emplace_back(name, JsonField(value, fmt::format("{}.{}", path_, name)));
  }
  return result;
}

Result<std::vector<JsonField>> JsonField::items() const {
  if (!value_->is_array()) return wrong("is not an array");
  std::vector<JsonField> result;
  for (const nlohmann::json& value : *value_) {
    result.emplace_back(value, fmt::format("{}[{}]", path_, result.size()));
  }
  return result;
}

Result<std::string> JsonField::text() const {
  if (!value_->is_string()) return wrong("is not a string");
  return value_->get<std::string>();
}

Result<std::int64_t> JsonField::integer(std::int64_t min, std::int64_t max) const {
  if (!value_->is_number_integer()) return wrong("is not an integer");
  // Unsigned beyond int64 would wrap around.
  const bool too_large = value_->is_number_unsigned() &&
                         value_->get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max();
  const std::int64_t value = too_large ? 0 : value_->get<std::int64_t>();
  if (too_large || value < min || value > max) {
    return wrong(fmt::format("is not within {} to {}", min, max));
  }
  return value;
}

Result<float> JsonField::number() const {
  if (value_->is_string()) {
    const std::string& word = value_->get_ref<const std::string&>();
    if (word == "nan") return std::numeric_limits<float>::quiet_NaN();
    if (word == "inf") return std::numeric_limits<float>::infinity();
    if (word == "-inf") return -std::numeric_limits<float>::infinity();
  }
  if (!value_->is_number()) return wrong("is not a number");
  const double value = value_->get<double>();
  if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()))) {
    return wrong("is too large for float32");
  }
  return static_cast<float>(value);
}

Result<std::vector<std::string>> JsonField::texts() const {
  QUANT_TRY_ASSIGN(const std::vector<JsonField> fields, items());
  std::vector<std::string> result;
  for (const JsonField& field : fields) {
    QUANT_TRY_ASSIGN(result.emplace_back(), field.text());
  }
  return result;
}

Result<std::vector<std::int64_t>> JsonField::integers(std::int64_t min, std::int64_t max) const {
  QUANT_TRY_ASSIGN(const std::vector<JsonField> fields, items());
  std::vector<std::int64_t> result;
  for (const JsonField& field : fields) {
    QUANT_TRY_ASSIGN(result.emplace_back(), field.integer(min, max));
  }
  return result;
}

Result<std::vector<float>> JsonField::numbers() const {
  QUANT_TRY_ASSIGN(const std::vector<JsonField> fields, items());
  std::vector<float> result;
  for (const JsonField& field : fields) {
    QUANT_TRY_ASSIGN(result.emplace_back(), field.number());
  }
  return result;
}

nlohmann::json float_to_json(float value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return static_cast<double>(value);
}

nlohmann::json floats_to_json(std::span<const float> values) {
  nlohmann::json array = nlohmann::json::array();
  for (const float value : values) array.push_back(float_to_json(value));
  return array;
}

Result<nlohmann::json> parse_json(std::span<const std::byte> text) {
  constexpr std::size_t kMaxBytes = std::size_t{32} << 20;
  constexpr int kMaxDepth = 16;
  if (text.size() > kMaxBytes) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("has {} bytes, the limit is {}", text.size(), kMaxBytes));
  }
  const char* const begin = reinterpret_cast<const char*>(text.data());
  bool too_deep = false;
  const auto limit_depth = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;
  };
  nlohmann::json document = nlohmann::json::parse(begin, begin + text.size(), limit_depth, false);
  if (too_deep) return fail(ErrorCode::kInvalidData, "is nested too deeply");
  if (document.is_discarded()) return fail(ErrorCode::kInvalidData, "is not valid JSON");
  return document;
}

Result<std::string> dump_json(const nlohmann::json& document, int indent) {
  try {
    return document.dump(indent);
  } catch (const nlohmann::json::exception&) {
    return fail(ErrorCode::kInvalidArgument, "holds a text that is not UTF-8");
  }
}

}  // namespace quant
