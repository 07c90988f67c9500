// SPDX-License-Identifier: MIT
#include "quant/hef/hef_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace quant {
namespace {

constexpr std::array kMagic{std::byte{0x01}, std::byte{'H'}, std::byte{'E'}, std::byte{'F'}};
constexpr std::size_t kCommonBytes = 12;  // magic, version, length of the messages
constexpr std::size_t kMd5Bytes = 16;
// Of version 0…3, common part included.
constexpr std::array<std::size_t, 4> kHeaderBytes{32, 28, 44, kLongestHefHeader};

// Big-endian numbers one behind the other. Precondition: as many bytes as are asked for.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint32_t u32() { return static_cast<std::uint32_t>(number(sizeof(std::uint32_t))); }
  std::uint64_t u64() { return number(sizeof(std::uint64_t)); }
  std::string hex(std::size_t count) {
    std::string text;
    for (const std::byte byte : take(count))
      text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
  }

 private:
  std::span<const std::byte> take(std::size_t count) {
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    for (const std::byte byte : take(count))
      value = value << 8U | std::to_integer<std::uint64_t>(byte);
    return value;
  }

  std::span<const std::byte> bytes_;
};

void read_own_part(Fields& fields, HefHeader& header) {
  switch (header.version) {
    case 0:
      fields.u32();  // reserved
      header.checksum = "md5 " + fields.hex(kMd5Bytes);
      return;
    case 1:
      header.checksum = "crc32 " + fields.hex(sizeof(std::uint32_t));
      header.weight_bytes = fields.u64();
      return;
    case 2:
      header.checksum = "xxh3 " + fields.hex(sizeof(std::uint64_t));
      header.weight_bytes = fields.u64();
      return;
    default:
      header.checksum = "xxh3 " + fields.hex(sizeof(std::uint64_t));
      header.weight_bytes = fields.u64();
      header.padding_bytes = fields.u32();
      header.resource_bytes = fields.u64();
  }
}

Status check_lengths(const HefHeader& header, std::uint64_t file_bytes) {
  std::uint64_t left = file_bytes - header.header_bytes;
  const std::array parts{std::pair{"messages", header.message_bytes},
                         std::pair{"weights", header.weight_bytes},
                         std::pair{"resources", header.resource_bytes}};
  for (const auto& [name, bytes] : parts) {
    if (bytes > left) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("is cut off or damaged: {} bytes of {} in a file of {}", bytes, name,
                              file_bytes));
    }
    left -= bytes;
  }
  if (left != 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("is damaged: {} bytes of {} belong to no part", left, file_bytes));
  }
  if (header.padding_bytes > header.weight_bytes) {
    return fail(ErrorCode::kInvalidData, fmt::format("is damaged: {} bytes of padding in {} bytes",
                                                     header.padding_bytes, header.weight_bytes));
  }
  if (header.message_bytes > std::numeric_limits<std::int32_t>::max()) {
    return fail(
        ErrorCode::kOutOfRange,
        fmt::format("has {} bytes of messages, which are 2 GiB and more", header.message_bytes));
  }
  return {};
}

}  // namespace

bool starts_as_hef(std::span<const std::byte> start) {
  return start.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), start.begin());
}

Result<HefHeader> parse_hef_header(std::span<const std::byte> start, std::uint64_t file_bytes) {
  if (!starts_as_hef(start)) {
    const bool reversed =
        start.size() >= kMagic.size() && std::equal(kMagic.rbegin(), kMagic.rend(), start.begin());
    return fail(ErrorCode::kInvalidData,
                reversed ? "has a little-endian header; that of a HEF is big-endian"
                         : "is no HEF: it does not start with 01 'H' 'E' 'F'");
  }
  const auto too_short = [&] {
    return fail(ErrorCode::kInvalidData,
                fmt::format("is cut off: {} bytes are no whole header", file_bytes));
  };
  if (start.size() < kCommonBytes || file_bytes < start.size()) return too_short();
  Fields fields(start.subspan(kMagic.size()));
  HefHeader header;
  header.version = fields.u32();
  if (header.version >= kHeaderBytes.size()) {
    return fail(ErrorCode::kUnsupported, fmt::format("is a HEF of version {}; 0 to {} are known",
                                                     header.version, kHeaderBytes.size() - 1));
  }
  header.header_bytes = kHeaderBytes[header.version];
  header.message_bytes = fields.u32();
  if (start.size() < header.header_bytes) return too_short();
  read_own_part(fields, header);
  QUANT_TRY(check_lengths(header, file_bytes));
  return header;
}

}  // namespace quant
