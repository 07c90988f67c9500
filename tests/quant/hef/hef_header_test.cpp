// SPDX-License-Identifier: MIT
#include "quant/hef/hef_header.h"

#include <gmock/gmock.h>

#include <limits>

#include "hef_builder.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using testing::header_bytes;
using testing::HeaderSpec;

Result<HefHeader> parse(const HeaderSpec& spec, std::uint64_t file_bytes) {
  return parse_hef_header(header_bytes(spec), file_bytes);
}

// Lengths of the four versions: 12 common bytes and 20, 16, 32, 44 of their own.
TEST(HefHeader, ReadsEveryVersion) {
  const std::uint64_t lengths[] = {32, 28, 44, 56};
  const char* const checksums[] = {"md5 00112233445566778899aabbccddeeff", "crc32 cafebabe",
                                   "xxh3 0123456789abcdef", "xxh3 0123456789abcdef"};
  for (std::uint32_t version = 0; version < 4; ++version) {
    const std::uint64_t weights = version == 0 ? 0 : 5'000'000'000;  // beyond 32 bits
    const std::uint64_t resources = version == 3 ? 300 : 0;
    const auto header = parse({.version = version,
                               .message_bytes = 1000,
                               .weight_bytes = weights,
                               .padding_bytes = 77,
                               .resource_bytes = resources},
                              lengths[version] + 1000 + weights + resources);
    ASSERT_TRUE(header) << header.error().text();
    EXPECT_EQ(header->version, version);
    EXPECT_EQ(header->header_bytes, lengths[version]);
    EXPECT_EQ(header->message_bytes, 1000);
    EXPECT_EQ(header->weight_bytes, weights);
    EXPECT_EQ(header->padding_bytes, version == 3 ? 77 : 0);
    EXPECT_EQ(header->resource_bytes, resources);
    EXPECT_EQ(header->checksum, checksums[version]);
  }
}

// A reader and a writer that agree on the wrong order of bytes would pass each other's tests.
TEST(HefHeader, RefusesLittleEndian) {
  const auto header = parse({.message_bytes = 1000, .big_endian = false}, 1056);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::kInvalidData);
  EXPECT_THAT(header.error().message, HasSubstr("little-endian"));
}

TEST(HefHeader, RefusesLittleEndianNumbersBehindTheRightMagic) {
  std::vector<std::byte> bytes =
      header_bytes({.version = 1, .message_bytes = 1000, .big_endian = false});
  const auto right = header_bytes({.version = 1});
  std::copy_n(right.begin(), kHefMagicBytes, bytes.begin());
  EXPECT_FALSE(parse_hef_header(bytes, bytes.size() + 1000));
}

TEST(HefHeader, RefusesOtherFiles) {
  const std::vector<std::byte> zeros(kLongestHefHeader);
  EXPECT_EQ(parse_hef_header(zeros, zeros.size()).error().code, ErrorCode::kInvalidData);
  EXPECT_EQ(parse_hef_header({}, 0).error().code, ErrorCode::kInvalidData);
  EXPECT_EQ(parse({.version = 4, .message_bytes = 1}, 57).error().code, ErrorCode::kUnsupported);
}

TEST(HefHeader, RefusesEveryCutHeader) {
  for (std::uint32_t version = 0; version < 4; ++version) {
    const auto whole = header_bytes({.version = version});
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto header = parse_hef_header(std::span(whole).first(size), size);
      ASSERT_FALSE(header) << "version " << version << ", " << size << " bytes";
      EXPECT_EQ(header.error().code, ErrorCode::kInvalidData);
    }
  }
}

TEST(HefHeader, PartsFillTheFileExactly) {
  const HeaderSpec spec{
      .message_bytes = 100, .weight_bytes = 50, .padding_bytes = 8, .resource_bytes = 10};
  EXPECT_TRUE(parse(spec, 56 + 160));
  EXPECT_THAT(parse(spec, 56 + 159).error().message, HasSubstr("cut off"));
  EXPECT_THAT(parse(spec, 56 + 161).error().message, HasSubstr("belong to no part"));
  EXPECT_THAT(parse(spec, 56 + 99).error().message, HasSubstr("100 bytes of messages"));
}

// Their sum, taken modulo 2^64, would fit.
TEST(HefHeader, SumsDoNotWrap) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(parse({.message_bytes = 100, .weight_bytes = most - 99}, 56));
  EXPECT_FALSE(
      parse({.message_bytes = 100, .weight_bytes = most - 99, .resource_bytes = 100}, 156));
}

TEST(HefHeader, RefusesPaddingBeyondTheWeights) {
  EXPECT_FALSE(parse({.message_bytes = 1, .weight_bytes = 7, .padding_bytes = 8}, 64));
}

TEST(HefHeader, RefusesTwoGibibytesOfMessages) {
  const auto header = parse({.message_bytes = 0x80000000}, 56 + 0x80000000ULL);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().code, ErrorCode::kOutOfRange);
}

}  // namespace
}  // namespace quant
