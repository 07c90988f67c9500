// SPDX-License-Identifier: MIT
// The fixed beginning of a HEF, big-endian, in its four versions: how long the parts are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "quant/base/result.h"

namespace quant {

// header, messages (protobuf), weights with their padding, further resources: one behind the other.
struct HefHeader {
  std::uint32_t version = 0;         // 0…3
  std::uint64_t header_bytes = 0;    // 32, 28, 44, 56
  std::uint64_t message_bytes = 0;   // below 2 GiB
  std::uint64_t weight_bytes = 0;    // padding included; 0 in version 0, whose messages hold them
  std::uint64_t padding_bytes = 0;   // version 3
  std::uint64_t resource_bytes = 0;  // version 3
  // "md5 …", "crc32 …" or "xxh3 …", in hexadecimal, as the file has it. Nobody verifies it here.
  std::string checksum;
};

inline constexpr std::size_t kHefMagicBytes = 4;
inline constexpr std::size_t kLongestHefHeader = 56;

// 01 'H' 'E' 'F'.
bool starts_as_hef(std::span<const std::byte> start);

// `start` holds the first bytes of the file, kLongestHefHeader of them where there are as many.
// InvalidData where they are no HEF's, in the wrong byte order, or where the parts are not exactly
// as long as the file; Unsupported beyond version 3; OutOfRange of 2 GiB of messages and more.
Result<HefHeader> parse_hef_header(std::span<const std::byte> start, std::uint64_t file_bytes);

}  // namespace quant
