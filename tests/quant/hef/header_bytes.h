// SPDX-License-Identifier: MIT
// The fixed beginning of a HEF, right or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace quant::testing {

// What the header says, each alterable.
struct HeaderSpec {
  std::uint32_t magic = 0x01484546;
  std::uint32_t version = 3;
  std::uint64_t message_bytes = 0;
  std::uint64_t weight_bytes = 0;
  std::uint32_t padding_bytes = 0;
  std::uint64_t resource_bytes = 0;
  bool big_endian = true;
};

inline std::vector<std::byte> header_bytes(const HeaderSpec& spec) {
  std::vector<std::byte> bytes;
  const auto put = [&](std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (spec.big_endian ? count - 1 - i : i);
      bytes.push_back(static_cast<std::byte>(value >> shift));
    }
  };
  put(spec.magic, 4);
  put(spec.version, 4);
  put(spec.message_bytes, 4);
  switch (spec.version) {
    case 0:
      put(0, 4);
      put(0x0011223344556677, 8);
      put(0x8899AABBCCDDEEFF, 8);
      break;
    case 1:
      put(0xCAFEBABE, 4);
      put(spec.weight_bytes, 8);
      put(0, 4);
      break;
    case 2:
      put(0x0123456789ABCDEF, 8);
      put(spec.weight_bytes, 8);
      put(0, 8);
      put(0, 8);
      break;
    default:
      put(0x0123456789ABCDEF, 8);
      put(spec.weight_bytes, 8);
      put(spec.padding_bytes, 4);
      put(spec.resource_bytes, 8);
      put(0x5555555555555555, 8);
      put(0, 8);
  }
  return bytes;
}

}  // namespace quant::testing
