// SPDX-License-Identifier: MIT
// The words of a script for the values of an enum, written once for reading, printing and help.
#pragma once

#include <array>
#include <string_view>

namespace quant {

template <typename Enum>
struct NamedValue {
  std::string_view name;
  Enum value;
};

// Specialised beside every enum that a script can name.
template <typename Enum>
inline constexpr std::array<NamedValue<Enum>, 0> kNamedValues{};

template <typename Enum>
constexpr std::string_view name_of(Enum value) {
  for (const auto& named : kNamedValues<Enum>) {
    if (named.value == value) return named.name;
  }
  return {};
}

}  // namespace quant
