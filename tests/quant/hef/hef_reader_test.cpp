// SPDX-License-Identifier: MIT
// Whole files: where the generations of compilers put the network, operations on the host, and
// files on the disk.
#include "quant/hef/hef_reader.h"

#include <gmock/gmock.h>

#include <fstream>

#include "hef_builder.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using testing::context_wire;
using testing::core_wire;
using testing::edge_wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::hef_bytes;
using testing::root_wire;
using testing::RootSpec;
using testing::StreamSpec;
using testing::Wire;

constexpr std::uint32_t kNetFlow = 13;

StreamSpec named(const std::string& name, bool output = true) {
  StreamSpec spec;
  spec.name = name;
  spec.output = output;
  return spec;
}

Wire context_of(const std::string& stream) { return context_wire({edge_wire(named(stream))}); }

HefFile read_good(const Wire& root) {
  auto file = read_hef(hef_bytes(root));
  if (!file) {
    ADD_FAILURE() << file.error().text();
    return {};
  }
  return std::move(*file);
}

std::vector<std::string> stream_names(const HefGroup& group) {
  std::vector<std::string> names;
  for (const HefStream& stream : group.streams) names.push_back(stream.name);
  return names;
}

std::vector<std::string> view_names(const HefGroup& group) {
  std::vector<std::string> names;
  for (const HefView& view : group.views) names.push_back(view.name);
  return names;
}

TEST(HefReader, EveryVersionOfTheHeader) {
  const Wire root = testing::root_of_streams({named("net/in", false), named("net/out")});
  for (std::uint32_t version = 0; version < 4; ++version) {
    const auto file = read_hef(hef_bytes(root, version));
    ASSERT_TRUE(file) << file.error().text();
    EXPECT_EQ(file->header.version, version);
    EXPECT_EQ(file->architecture, "HAILO8");
    EXPECT_THAT(file->runs_on, ElementsAre("HAILO8"));
    EXPECT_EQ(file->sdk_version, "sdk-version: 3.28.0");
    EXPECT_EQ(file->format_version, 5);
    EXPECT_THAT(stream_names(file->groups.at(0)), ElementsAre("net/in", "net/out"));
  }
}

TEST(HefReader, ExtensionsByName) {
  const HefFile file = read_good(testing::root_of_streams(
      {named("a")}, {.extensions = {26, 4000}, .optional_extensions = {}}));
  ASSERT_EQ(file.extensions.size(), 2);
  EXPECT_EQ(file.extensions[0].name, "PERIPH_CALCULATION_IN_HAILORT");
  EXPECT_EQ(file.extensions[0].text, "some extension");
  EXPECT_EQ(file.extensions[1].id, 4000);
  EXPECT_EQ(file.extensions[1].name, "unknown");
}

TEST(HefReader, OldFeaturesStandForExtensions) {
  Wire root = testing::root_of_streams({named("a")}, {.format_version = 0});
  root.message(4, Wire().number(3, 1).number(7, 1));
  const HefFile file = read_good(root);
  ASSERT_EQ(file.extensions.size(), 2);
  EXPECT_EQ(file.extensions[0].name, "DDR");
  EXPECT_EQ(file.extensions[1].name, "PADDED_DDR_BUFFERS");
}

TEST(HefReader, SdkVersionInNumbersGoesFirst) {
  Wire root = testing::root_of_streams({named("a")});
  root.message(1, Wire().message(5, Wire().number(1, 5).number(2, 2)));  // merged with the first
  EXPECT_EQ(read_good(root).sdk_version, "5.2.0");
}

TEST(HefReader, ContextsOfTheGroup) {
  const Wire group = core_wire("net", {context_of("a"), context_of("b")}).text(6, "net");
  const HefFile file = read_good(root_wire({group}));
  EXPECT_EQ(file.groups[0].name, "net");
  EXPECT_EQ(file.groups[0].contexts, 2);
  EXPECT_EQ(file.groups[0].arrangements, 1);
  EXPECT_THAT(stream_names(file.groups[0]), ElementsAre("a", "b"));
  EXPECT_EQ(file.groups[0].streams[1].context, 1);
  EXPECT_EQ(file.groups[0].streams[1].network, "net/net");
}

// With net flow, files go on holding empty fields of old.
TEST(HefReader, ContextsOfTheCoreOperation) {
  const Wire core = core_wire("net", {context_of("new")}).text(6, "net");
  const Wire operation = Wire().text(1, "core").message(4, core);
  Wire group = core_wire("net", {context_of("old")}).message(8, operation);
  const RootSpec net_flow{.extensions = {kNetFlow}};
  EXPECT_THAT(stream_names(read_good(root_wire({group}, net_flow)).groups[0]), ElementsAre("new"));
  EXPECT_THAT(stream_names(read_good(root_wire({group})).groups[0]), ElementsAre("old"));
  // The old fields are empty, whatever the extensions say.
  EXPECT_THAT(stream_names(read_good(root_wire({Wire().message(8, operation)})).groups[0]),
              ElementsAre("new"));
}

Wire partial_wire(const std::string& stream, std::uint32_t clusters) {
  return Wire()
      .message(1,
               core_wire("partial", {context_of(stream), context_of(stream + "2")}).text(6, "net"))
      .message(2, Wire().number(1, clusters));
}

TEST(HefReader, ArrangementsOfOldFiles) {
  const Wire group = Wire().message(7, partial_wire("big", 7)).message(7, partial_wire("small", 1));
  for (const std::uint32_t architecture : {0U, 3U, 4U}) {
    const HefFile file = read_good(root_wire({group}, {.architecture = architecture}));
    EXPECT_EQ(file.groups[0].arrangements, 2);
    EXPECT_EQ(file.groups[0].name, "partial");
    EXPECT_EQ(file.groups[0].contexts, 2);
    EXPECT_THAT(stream_names(file.groups[0]), ElementsAre("small", "small2"));
  }
}

TEST(HefReader, ArrangementsOfTheCoreOperation) {
  const Wire core =
      core_wire("net", {context_of("whole")}).text(6, "net").message(7, partial_wire("part", 3));
  const Wire group = Wire().message(8, Wire().message(4, core));
  const auto streams = [&](std::uint32_t architecture) {
    return stream_names(
        read_good(root_wire({group}, {.architecture = architecture, .extensions = {kNetFlow}}))
            .groups[0]);
  };
  EXPECT_THAT(streams(3), ElementsAre("part", "part2"));  // HAILO8L has them
  EXPECT_THAT(streams(0), ElementsAre("whole"));          // HAILO8 has none
}

TEST(HefReader, EdgesBetweenContextsAreNoStreams) {
  Wire context = context_wire({edge_wire(named("a")),
                               edge_wire(named("b"), 0, 3, testing::layer_wire(named("b")), 1),
                               edge_wire(named("c"), 0, 3, testing::layer_wire(named("c")), 2),
                               edge_wire(named("d"), 0, 3, testing::layer_wire(named("d")), 3)});
  EXPECT_THAT(stream_names(read_good(root_wire({core_wire("net", {context})})).groups[0]),
              ElementsAre("a"));
}

TEST(HefReader, SeveralNetworksOfOneGroup) {
  StreamSpec second = named("b");
  second.network = 1;
  const Wire context = context_wire({edge_wire(named("a")), edge_wire(second)});
  const Wire group = core_wire("pair", {context}).text(6, "one").text(6, "two");
  const HefFile file = read_good(root_wire({group}));
  EXPECT_THAT(file.groups[0].networks, ElementsAre("pair/one", "pair/two"));
  EXPECT_EQ(file.groups[0].streams[1].network, "pair/two");
  // Without the extension there is one, of the group's name.
  const HefFile single = read_good(root_wire({group}, {.optional_extensions = {}}));
  EXPECT_THAT(single.groups[0].networks, ElementsAre("pair/pair"));
  EXPECT_EQ(single.groups[0].streams[1].network, "pair/pair");
  second.network = 2;
  const Wire beyond = core_wire("pair", {context_wire({edge_wire(second)})}).text(6, "one");
  EXPECT_EQ(read_hef(hef_bytes(root_wire({beyond}))).error().code, ErrorCode::kInvalidData);
}

TEST(HefReader, OutputsInTheCompilersOrder) {
  const Wire context = context_wire({edge_wire(named("z")), edge_wire(named("in", false)),
                                     edge_wire(named("a")), edge_wire(named("m"))});
  const Wire group = core_wire("net", {context}).text(4, "m").text(4, "z").text(4, "a");
  EXPECT_THAT(view_names(read_good(root_wire({group})).groups[0]),
              ElementsAre("in", "m", "z", "a"));
  // The oldest files have the order in their last context.
  const Wire old_context = Wire().message(3, Wire()
                                                 .message(2, edge_wire(named("z")))
                                                 .message(2, edge_wire(named("a")))
                                                 .text(5, "a")
                                                 .text(5, "z"));
  EXPECT_THAT(view_names(read_good(root_wire({core_wire("net", {old_context})})).groups[0]),
              ElementsAre("a", "z"));
}

// Two outputs of the device, of which boxes are made on the host; a third one that a softmax takes.
Wire group_with_operations(const Wire& nms, const Wire& logits) {
  std::vector<Wire> edges;
  for (int i = 0; i < 3; ++i) {
    StreamSpec spec = named("conv" + std::to_string(i));
    spec.pad = 10 + i;
    edges.push_back(edge_wire(spec));
  }
  const Wire core = core_wire("net", {context_wire(edges)}).text(6, "net");
  const auto pad = [](std::uint32_t index, const char* name) {
    return Wire().number(1, index).text(2, name);
  };
  const Wire boxes = Wire()
                         .text(1, "boxes_op")
                         .message(2, pad(20, "i0"))
                         .message(2, pad(21, "i1"))
                         .message(3, pad(30, "net/boxes"))
                         .message(5, nms);
  const Wire classes = Wire()
                           .text(1, "classes_op")
                           .message(2, pad(22, "i2"))
                           .message(3, pad(31, "net/classes"))
                           .message(6, logits);
  Wire group;
  group.message(8, Wire().text(1, "core").message(4, core)).message(8, boxes).message(8, classes);
  for (std::uint32_t i = 0; i < 3; ++i)
    group.message(9, Wire().number(1, 10 + i).number(2, 20 + i));
  return group.text(4, "net/classes").text(4, "net/boxes");
}

TEST(HefReader, OperationsOnTheHostTakeTheStreams) {
  const Wire nms =
      Wire().real64(1, 0.25).real64(2, 0.5).number(3, 100).number(4, 81).number(5, 1).message(
          12, Wire().real64(1, 640));
  const HefFile file = read_good(
      root_wire({group_with_operations(nms, Wire().number(1, 1))}, {.extensions = {kNetFlow}}));
  const HefGroup& group = file.groups[0];
  ASSERT_EQ(group.host_operations.size(), 2);
  const HefHostOperation& boxes = group.host_operations[0];
  EXPECT_EQ(boxes.kind, "YOLOv8 NMS");
  EXPECT_THAT(boxes.streams, ElementsAre("conv0", "conv1"));
  EXPECT_EQ(boxes.score_threshold, 0.25);
  EXPECT_EQ(group.host_operations[1].kind, "softmax");
  EXPECT_EQ(group.streams[0].host_operation, "boxes_op");
  EXPECT_EQ(group.streams[2].host_operation, "classes_op");
  ASSERT_THAT(view_names(group), ElementsAre("net/classes", "net/boxes"));
  EXPECT_EQ(group.views[0].type, DataType::kFloat32);
  EXPECT_EQ(group.views[0].order, "NHWC");
  EXPECT_THAT(*group.views[0].size, ElementsAre(6, 5, 3));
  EXPECT_EQ(group.views[1].order, "HAILO NMS BY CLASS");
  EXPECT_EQ(group.views[1].boxes, (HefBoxes{80, 100}));  // the background is one class less
}

TEST(HefReader, OtherOperationsOnTheHost) {
  const RootSpec net_flow{.extensions = {kNetFlow}};
  const Wire masks = Wire().number(3, 10).number(4, 2).message(11, Wire());
  HefGroup group =
      read_good(root_wire({group_with_operations(masks, Wire().number(1, 0))}, net_flow)).groups[0];
  EXPECT_EQ(group.host_operations[1].kind, "argmax");
  EXPECT_EQ(group.views[0].order, "NHW");
  EXPECT_THAT(*group.views[0].size, ElementsAre(6, 5, 1));
  EXPECT_EQ(group.views[0].type, DataType::kUint8);
  EXPECT_EQ(group.views[1].order, "HAILO NMS WITH BYTE MASK");
  const Wire decoding = Wire().number(4, 2).message(7, Wire()).number(13, 1);
  group = read_good(root_wire({group_with_operations(decoding, Wire())}, net_flow)).groups[0];
  EXPECT_EQ(group.host_operations[0].kind, "YOLOv5 box decoding");
  EXPECT_FALSE(group.views[1].boxes);
  EXPECT_FALSE(group.views[1].size);
}

TEST(HefReader, RefusesOperationsOnNothing) {
  Wire group = group_with_operations(Wire().message(12, Wire()), Wire());
  group.message(8, Wire().text(1, "lost_op").message(2, Wire().number(1, 99)).message(5, Wire()));
  const auto file = read_hef(hef_bytes(root_wire({group}, {.extensions = {kNetFlow}})));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidData);
  EXPECT_THAT(file.error().text(), HasSubstr("lost_op"));
}

TEST(HefReader, RefusesWhatHoldsNoNetwork) {
  EXPECT_EQ(read_hef(hef_bytes(Wire())).error().code, ErrorCode::kInvalidData);
  EXPECT_EQ(read_hef(hef_bytes(root_wire({Wire()}))).error().code, ErrorCode::kInvalidData);
  const Wire twice = context_wire({edge_wire(named("a")), edge_wire(named("a"))});
  const auto file = read_hef(hef_bytes(root_wire({core_wire("net", {twice})})));
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().text(), HasSubstr("net: has two streams that are called a"));
}

class HefOnDisk : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::vector<std::byte>& bytes) {
    const auto path = folder_ / "network.bin";  // the name says nothing
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(HefOnDisk, IsKnownByItsFirstBytes) {
  const auto bytes = hef_bytes(testing::root_of_streams({named("a")}));
  EXPECT_TRUE(*is_hef_file(write(bytes)));
  EXPECT_FALSE(*is_hef_file(write({})));
  EXPECT_FALSE(*is_hef_file(write(std::vector<std::byte>(100))));
  EXPECT_EQ(is_hef_file(folder_ / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(is_hef_file(folder_.path()).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(HefOnDisk, ReadsWhatTheMemoryReads) {
  const auto bytes = hef_bytes(testing::root_of_streams({named("a")}), 1, 1U << 20U);
  const auto file = read_hef_file(write(bytes));
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_THAT(stream_names(file->groups[0]), ElementsAre("a"));
  EXPECT_EQ(file->header.weight_bytes, 1U << 20U);
}

TEST_F(HefOnDisk, ErrorsNameTheFile) {
  const auto path = write(hef_bytes(root_wire({core_wire("net", {})})));
  const auto file = read_hef_file(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().text(), path.string() + ", net: holds no network");
  EXPECT_EQ(read_hef_file(folder_ / "none").error().context, (folder_ / "none").string());
}

// Weights of a gigabyte, as a hole: whoever reads them would notice.
TEST_F(HefOnDisk, WeightsAreNotRead) {
  constexpr std::uint64_t kWeights = std::uint64_t{1} << 30U;
  const Wire root = testing::root_of_streams({named("a")});
  auto bytes = testing::header_bytes(
      {.version = 2, .message_bytes = root.bytes().size(), .weight_bytes = kWeights});
  testing::append(bytes, root.bytes());
  const auto path = write(bytes);
  std::filesystem::resize_file(path, bytes.size() + kWeights);
  const auto file = read_hef_file(path);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->header.weight_bytes, kWeights);
}

// Version 0 has them among the messages: most of a gigabyte that nobody asks for.
TEST_F(HefOnDisk, WeightsAmongTheMessagesAreSkipped) {
  constexpr std::uint64_t kWeights = std::uint64_t{1} << 30U;
  Wire root = testing::root_of_streams({named("a")});
  root.raw("\x1A\x80\x80\x80\x80\x04");  // field 3, 2^30 bytes
  auto bytes =
      testing::header_bytes({.version = 0, .message_bytes = root.bytes().size() + kWeights});
  testing::append(bytes, root.bytes());
  const auto path = write(bytes);
  std::filesystem::resize_file(path, bytes.size() + kWeights);
  const auto file = read_hef_file(path);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_THAT(stream_names(file->groups[0]), ElementsAre("a"));
}

}  // namespace
}  // namespace quant
