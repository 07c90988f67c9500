// SPDX-License-Identifier: MIT
// An encoder of protobuf's wire form that knows no protobuf.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quant::testing {

// One message on the wire.
class Wire {
 public:
  Wire& number(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} << 3U);
    varint(value);
    return *this;
  }
  Wire& text(std::uint32_t field, std::string_view value) {
    varint(std::uint64_t{field} << 3U | 2U);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Wire& message(std::uint32_t field, const Wire& value) { return text(field, value.bytes_); }
  Wire& real(std::uint32_t field, float value) {
    varint(std::uint64_t{field} << 3U | 5U);
    little_endian(std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  Wire& real64(std::uint32_t field, double value) {
    varint(std::uint64_t{field} << 3U | 1U);
    little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  // Packed, as the format's compilers write them.
  Wire& reals(std::uint32_t field, const std::vector<double>& values) {
    if (values.empty()) return *this;
    Wire packed;
    for (const double value : values) packed.little_endian(std::bit_cast<std::uint64_t>(value), 8);
    return message(field, packed);
  }
  Wire& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_ += static_cast<char>((value & 0x7FU) | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  void little_endian(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes_ += static_cast<char>(value >> (8 * i));
  }

  std::string bytes_;
};

}  // namespace quant::testing
