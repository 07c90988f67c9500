// SPDX-License-Identifier: MIT
#include "quant/base/text_check.h"

#include <algorithm>
#include <cstddef>

namespace quant {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Bytes of the sequence that starts with `lead`; 0 where none does.
std::size_t sequence_length(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Second bytes that would make an overlong form, a surrogate or a code point past U+10FFFF.
bool second_byte_fits(unsigned lead, unsigned second) {
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte_at(text, i);
    const std::size_t length = sequence_length(lead);
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte_at(text, i + k) & 0xC0) != 0x80) return false;
    }
    if (length > 1 && !second_byte_fits(lead, byte_at(text, i + 1))) return false;
    i += length;
  }
  return true;
}

bool is_printable(std::string_view text) {
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  };
  return std::none_of(text.begin(), text.end(), is_control) && is_utf8(text);
}

}  // namespace quant
