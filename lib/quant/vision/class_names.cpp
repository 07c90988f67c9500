// SPDX-License-Identifier: MIT
#include "quant/vision/class_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "quant/base/read_file.h"

namespace quant {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// The text before the next `separator`, which is taken off `rest` together with it.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

ClassNames::ClassNames(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) add(names_[i], static_cast<int>(i));
}

void ClassNames::add(std::string_view name, int index) {
  std::vector<int>& indices = indices_[std::string(name)];
  if (indices.empty() || indices.back() != index) indices.push_back(index);
}

Result<ClassNames> ClassNames::read(const std::filesystem::path& path) {
  constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 20;
  QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxBytes));
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  ClassNames classes;
  while (!rest.empty()) {
    std::string_view line = next_part(rest, '\n');
    const int index = static_cast<int>(classes.names_.size());
    classes.names_.emplace_back();
    while (!line.empty()) {
      const std::string_view name = trimmed(next_part(line, ','));
      if (name.empty()) continue;
      if (classes.names_.back().empty()) classes.names_.back() = name;
      classes.add(name, index);
    }
  }
  if (classes.indices_.empty())
    return fail(ErrorCode::kInvalidData, "holds no class name", path.string());
  return classes;
}

std::string ClassNames::name(int index) const {
  const auto i = static_cast<std::size_t>(index);
  if (index < 0 || i >= names_.size() || names_[i].empty()) return std::to_string(index);
  return names_[i];
}

Result<int> ClassNames::index_of(std::string_view name) const {
  const auto found = indices_.find(name);
  if (found == indices_.end())
    return fail(ErrorCode::kNotFound, fmt::format("no class is called '{}'", name));
  if (found->second.size() > 1)
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is the name of classes {}", name,
                                                         fmt::join(found->second, " and ")));
  return found->second.front();
}

}  // namespace quant
