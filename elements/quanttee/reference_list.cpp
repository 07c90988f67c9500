// SPDX-License-Identifier: MIT
#include "quanttee/reference_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

namespace quant::element {
namespace {

constexpr const char* kProperty = "references";

std::optional<ContextKind> context_named(std::string_view name) {
  if (name == "emulator") return ContextKind::kQuantized;
  const auto kind = context_kind_from_string(name);
  // Layers would have to be named for the one; the other is what is measured.
  if (kind == ContextKind::kHybrid || kind == ContextKind::kDevice) return std::nullopt;
  return kind;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Result<std::vector<ContextKind>> parse_references(std::string_view list) {
  std::vector<ContextKind> contexts;
  for (bool more = true; more;) {
    const auto comma = list.find(',');
    const std::string_view name = trimmed(list.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) list.remove_prefix(comma + 1);
    const auto context = context_named(name);
    if (!context) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("'{}' is no reference: original, native, fp-optimized and emulator are",
                      name),
          kProperty);
    }
    if (std::find(contexts.begin(), contexts.end(), *context) != contexts.end()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is there twice", name), kProperty);
    }
    contexts.push_back(*context);
  }
  return contexts;
}

}  // namespace quant::element
