// SPDX-License-Identifier: MIT
// Names of a model's classes, from a text file: line n, counted from 0, is class n.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"

namespace quant {

class ClassNames {
 public:
  ClassNames() = default;
  // One name a class.
  explicit ClassNames(std::vector<std::string> names);
  // "name" or "name,other name,…" a line: other names that labels use for the same class
  // ("airplane,aeroplane"). Space around names is dropped; an empty line is a class without a name.
  // Errors name the file: missing, larger than 16 MiB, without any name.
  static Result<ClassNames> read(const std::filesystem::path& path);

  std::size_t size() const { return names_.size(); }
  // The first name of a class, or its number where it has none.
  std::string name(int index) const;
  // NotFound where no class has this name, InvalidArgument where several have.
  Result<int> index_of(std::string_view name) const;

 private:
  void add(std::string_view name, int index);

  std::vector<std::string> names_;
  std::map<std::string, std::vector<int>, std::less<>> indices_;
};

}  // namespace quant
