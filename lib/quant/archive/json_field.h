// SPDX-License-Identifier: MIT
// JSON from outside: every access is checked, every error says at which field ("nodes[3].inputs").
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quant/base/result.h"

namespace quant {

// One value and where it stands. Valid as long as the document.
class JsonField {
 public:
  explicit JsonField(const nlohmann::json& value, std::string path = {})
      : value_(&value), path_(std::move(path)) {}

  const std::string& path() const { return path_; }

  // Members of an object.
  Result<JsonField> at(const std::string& name) const;
  bool has(const std::string& name) const;
  Result<std::vector<std::pair<std::string, JsonField>>> members() const;
  // Elements of an array.
  Result<std::vector<JsonField>> items() const;

  Result<std::string> text() const;
  Result<std::int64_t> integer(std::int64_t min, std::int64_t max) const;
  Result<float> number() const;  // see float_to_json
  Result<std::vector<std::string>> texts() const;
  Result<std::vector<std::int64_t>> integers(std::int64_t min, std::int64_t max) const;
  Result<std::vector<float>> numbers() const;

  // An error about this field.
  tl::unexpected<Error> wrong(const std::string& what) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

// Every float32 is exact as the double that JSON stores; "nan", "inf" and "-inf" stand for what
// JSON lacks.
nlohmann::json float_to_json(float value);
nlohmann::json floats_to_json(std::span<const float> values);

// Errors without context: no JSON, longer than 32 MiB, or nested more than 16 deep.
Result<nlohmann::json> parse_json(std::span<const std::byte> text);
// `indent` as nlohmann's: spaces a level, -1 for one line. InvalidArgument where a string is no
// UTF-8.
Result<std::string> dump_json(const nlohmann::json& document, int indent);

}  // namespace quant
