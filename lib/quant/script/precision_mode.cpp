// SPDX-License-Identifier: MIT
#include "quant/script/precision_mode.h"

#include <fmt/format.h>

#include <charconv>

namespace quant {
namespace {

bool is_letter(char c, char lower) { return c == lower || c == lower - 'a' + 'A'; }

// Takes "<letter><number>" from the front of `text`.
std::optional<int> take_bits(std::string_view& text, char letter) {
  if (text.empty() || !is_letter(text.front(), letter)) return std::nullopt;
  int bits = 0;
  const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + text.size(), bits);
  // No sign and no leading zero: a08 is no mode.
  if (error != std::errc() || text.size() < 2 || text[1] < '1' || text[1] > '9')
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return bits;
}

bool take_separator(std::string_view& text) {
  if (text.empty() || text.front() != '_') return false;
  text.remove_prefix(1);
  return true;
}

bool is_activation(std::optional<int> bits) { return bits == 8 || bits == 16; }

}  // namespace

std::optional<PrecisionMode> precision_mode_from_string(std::string_view text) {
  const auto input = take_bits(text, 'a');
  if (!is_activation(input) || !take_separator(text)) return std::nullopt;
  const auto weights = take_bits(text, 'w');
  if (weights != 4 && weights != 8 && weights != 16) return std::nullopt;
  if (text.empty()) return PrecisionMode{*input, *weights, *input};
  if (!take_separator(text)) return std::nullopt;
  const auto output = take_bits(text, 'a');
  if (!is_activation(output) || !text.empty()) return std::nullopt;
  return PrecisionMode{*input, *weights, *output};
}

std::string to_string(const PrecisionMode& mode) {
  const std::string text = fmt::format("a{}_w{}", mode.input_bits, mode.weight_bits);
  return mode.output_bits == mode.input_bits ? text : text + fmt::format("_a{}", mode.output_bits);
}

}  // namespace quant
