// SPDX-License-Identifier: MIT
// The named constants of a node, as ONNX has them (strides, axis, mode, …).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "quant/tensor/tensor.h"

namespace quant {

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                               std::vector<float>, std::vector<std::string>, Tensor>;

class Attributes {
 public:
  void set(const std::string& name, Attribute value) { values_[name] = std::move(value); }
  void erase(const std::string& name) { values_.erase(name); }
  bool has(const std::string& name) const { return values_.contains(name); }

  // The value, or `fallback` where the attribute is absent or of another type.
  template <typename T>
  T get(const std::string& name, T fallback) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return fallback;
    const T* value = std::get_if<T>(&found->second);
    return value == nullptr ? fallback : *value;
  }
  std::int64_t integer(const std::string& name, std::int64_t fallback) const {
    return get<std::int64_t>(name, fallback);
  }
  std::vector<std::int64_t> integers(const std::string& name,
                                     std::vector<std::int64_t> fallback = {}) const {
    return get(name, std::move(fallback));
  }
  float number(const std::string& name, float fallback) const { return get<float>(name, fallback); }
  std::string text(const std::string& name, std::string fallback = {}) const {
    return get(name, std::move(fallback));
  }

  // Sorted by name.
  const std::map<std::string, Attribute>& all() const { return values_; }

 private:
  std::map<std::string, Attribute> values_;
};

}  // namespace quant
