// SPDX-License-Identifier: MIT
// What damaged and hostile files do, and what they cost.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "hef_builder.h"
#include "quant/hef/hef_reader.h"
#include "quant/hef/keep_declared.h"

namespace quant {
namespace {

using testing::context_wire;
using testing::core_wire;
using testing::hef_bytes;
using testing::root_wire;
using ::testing::SizeIs;
using testing::StreamSpec;
using testing::Wire;

StreamSpec named(const std::string& name) {
  StreamSpec spec;
  spec.name = name;
  return spec;
}

TEST(HefLimits, EveryCutFileIsRefused) {
  for (std::uint32_t version = 0; version < 4; ++version) {
    const auto whole = hef_bytes(testing::root_of_streams({named("a")}), version);
    for (std::size_t size = 0; size < whole.size(); ++size)
      ASSERT_FALSE(read_hef(std::span(whole).first(size))) << version << ", " << size;
  }
}

// The header fits, but a message inside claims more than there is.
TEST(HefLimits, LengthsInsideTheMessagesAreChecked) {
  const std::string bytes = testing::root_of_streams({named("a")}).bytes();
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const auto file = read_hef(hef_bytes(Wire().raw(bytes.substr(0, size))));
    // Between two fields of the outermost message a cut leaves a whole one.
    if (!file) {
      EXPECT_EQ(file.error().code, ErrorCode::kInvalidData);
    }
  }
  // 2^63 bytes of groups, of weights nobody asks for, and a group of the wire that protobuf gave
  // up.
  const std::string huge = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F";
  EXPECT_FALSE(read_hef(hef_bytes(Wire().raw("\x12" + huge))));
  EXPECT_FALSE(read_hef(hef_bytes(Wire().raw("\x1A" + huge))));
  EXPECT_FALSE(read_hef(hef_bytes(Wire().raw("\x13\x14"))));
  EXPECT_FALSE(read_hef(hef_bytes(Wire().raw(std::string("\x00\x01", 2)))));
}

TEST(HefLimits, UnknownFieldsAndWrongTypesOfFieldsAreSkipped) {
  Wire root = testing::root_of_streams({named("a")});
  root.text(1000, "later").number(2, 7).real(3, 1).real64(500, 2).number(501, 1);
  const auto file = read_hef(hef_bytes(root));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_THAT(file->groups[0].streams, SizeIs(1));
}

Wire nested_muxes(int depth) {
  Wire part = Wire().message(1, testing::layer_wire({}));
  for (int i = 0; i < depth; ++i) {
    const Wire mux = Wire()
                         .text(1, "mux")
                         .message(2, testing::base_wire({}))
                         .message(3, Wire().number(1, 1))
                         .message(5, part);
    part = Wire().message(2, mux);
  }
  const std::string content = part.bytes();
  // The outermost part is an edge's content: field 4 instead of 2, the same length of tag.
  return Wire().number(2, 1).raw("\x22" + content.substr(1));
}

TEST(HefLimits, DepthIsLimited) {
  const auto file_of = [](int depth) {
    return read_hef(hef_bytes(root_wire({core_wire("net", {context_wire({nested_muxes(depth)})})},
                                        {.optional_extensions = {}})));
  };
  EXPECT_TRUE(file_of(3));
  const auto deep = file_of(200);
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(file_of(2000).error().code, ErrorCode::kOutOfRange);
}

TEST(HefLimits, CountsAreLimited) {
  std::string many;
  for (std::size_t i = 0; i <= kMaxKeptObjects; ++i) many += std::string("\x12\x00", 2);
  EXPECT_EQ(read_hef(hef_bytes(Wire().raw(many))).error().code, ErrorCode::kOutOfRange);
  std::string skipped;
  for (std::size_t i = 0; i <= kMaxFields; ++i) skipped += std::string("\x78\x00", 2);  // field 15
  EXPECT_EQ(read_hef(hef_bytes(Wire().raw(skipped))).error().code, ErrorCode::kOutOfRange);
  Wire names;
  names.text(6, std::string(kMaxKeptBytes + 1, 'a'));
  EXPECT_EQ(read_hef(hef_bytes(root_wire({names}))).error().code, ErrorCode::kOutOfRange);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Two bytes of a file become a message of some hundred: as many as the limits let through, and as
// many bytes of scales.
TEST(HefLimits, HostileFilesCostLittleMemory) {
  const auto peak_mib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
  };
  const auto before = peak_mib();
  std::string many;
  for (std::size_t i = 0; i + 1 < kMaxKeptObjects; ++i) many += std::string("\x12\x00", 2);
  EXPECT_FALSE(read_hef(hef_bytes(Wire().raw(many))));
  StreamSpec spec = named("a");
  spec.features = spec.padded_features = 500'000;
  spec.scales.assign(spec.features, 0.5);
  spec.zero_points.assign(spec.features, 1);
  const auto file = read_hef(hef_bytes(testing::root_of_streams({spec}, {.extensions = {25}})));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->groups[0].streams[0].quant->scale.size(), spec.features);
  EXPECT_LT(peak_mib() - before, 200);
}
#endif

}  // namespace
}  // namespace quant
