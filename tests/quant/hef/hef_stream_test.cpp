// SPDX-License-Identifier: MIT
// One stream: layout, parameters, and what is no tensor.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "hef_builder.h"
#include "quant/hef/hef_reader.h"

namespace quant {
namespace {

using testing::edge_wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::layer_wire;
using testing::RootSpec;
using testing::StreamSpec;
using testing::Wire;

constexpr std::uint32_t kScalePerFeature = 25;
constexpr std::uint32_t kHwPadding = 11;

Result<HefFile> read_wire(const Wire& root) { return read_hef(testing::hef_bytes(root)); }

HefStream read_one(const StreamSpec& spec, const RootSpec& root = {}) {
  const auto file = read_wire(testing::root_of_streams({spec}, root));
  if (!file) {
    ADD_FAILURE() << file.error().text();
    return {};
  }
  return file->groups.at(0).streams.at(0);
}

Wire root_of_edge(const Wire& edge, const Wire& more = {}) {
  return testing::root_wire({testing::core_wire("net", {testing::context_wire({edge})})
                                 .text(6, "net")
                                 .raw(more.bytes())});
}

TEST(HefStream, EveryFormatHasItsOrder) {
  struct Case {
    std::uint32_t format;
    DeviceOrder order;
    const char* name;
    const char* host;
  };
  for (const Case& expected :
       {Case{0, DeviceOrder::kNhwc, "NHWC", "NHWC"}, Case{1, DeviceOrder::kNhcw, "NHCW", "NHWC"},
        Case{2, DeviceOrder::kNc, "NC", "NC"}, Case{3, DeviceOrder::kFcr, "FCR", "FCR"},
        Case{5, DeviceOrder::kNhw, "NHW", "NHW"}, Case{7, DeviceOrder::kF8cr, "F8CR", "F8CR"},
        Case{13, DeviceOrder::kNhwc, "NHWC", "NHWC"}}) {
    StreamSpec spec;
    spec.format = expected.format;
    if (expected.order == DeviceOrder::kNc) {
      spec.height = spec.width = spec.padded_height = spec.padded_width = 1;
    } else if (expected.order == DeviceOrder::kNhw) {
      spec.features = spec.padded_features = 1;
    } else if (expected.order == DeviceOrder::kF8cr) {
      spec.features = 11;
      spec.padded_features = 16;
    }
    const HefStream stream = read_one(spec);
    EXPECT_EQ(stream.content, HefContent::kTensor);
    EXPECT_EQ(stream.format, expected.name);
    EXPECT_EQ(stream.host_format, expected.host);
    ASSERT_TRUE(stream.layout) << stream.layout.error().text();
    EXPECT_EQ(*stream.layout, (DeviceLayout{expected.order, DataType::kUint8, spec.height,
                                            spec.width, spec.features, spec.padded_height,
                                            spec.padded_width, spec.padded_features}));
  }
}

TEST(HefStream, PixelFormatsAreNoTensors) {
  for (const std::uint32_t format : {4, 8, 11, 14, 15, 16}) {
    StreamSpec spec;
    spec.output = false;
    spec.format = format;
    const HefStream stream = read_one(spec);
    EXPECT_EQ(stream.content, HefContent::kImage);
    ASSERT_FALSE(stream.layout);
    EXPECT_EQ(stream.layout.error().code, ErrorCode::kUnsupported);
  }
  StreamSpec spec;
  spec.format = 9;
  const HefStream stream = read_one(spec);
  EXPECT_EQ(stream.content, HefContent::kUnknown);
  EXPECT_EQ(stream.format, "format 9");
  EXPECT_FALSE(stream.layout);
}

TEST(HefStream, SixteenBits) {
  StreamSpec spec;
  spec.data_bytes = 2;
  const HefStream stream = read_one(spec);
  EXPECT_EQ(stream.layout->type, DataType::kUint16);
  EXPECT_EQ(stream.quant->type, DataType::kUint16);
  spec.data_bytes = 4;
  EXPECT_EQ(read_wire(testing::root_of_streams({spec})).error().code, ErrorCode::kInvalidData);
}

// What the runtime's rule says of a frame of 6 rows of 8 x 3 bytes in 6 x 16 x 3. Each line of the
// table breaks one of its conditions.
TEST(HefStream, PaddingThatStaysOnTheDevice) {
  StreamSpec spec;
  spec.width = 8;
  spec.padded_width = 16;
  spec.buffers_per_frame = 6;
  const auto padded_width = [](const StreamSpec& stream, const RootSpec& root) {
    return read_one(stream, root).layout->padded_width;
  };
  RootSpec silent;
  silent.optional_extensions = {8};
  EXPECT_EQ(padded_width(spec, silent), 8);
  RootSpec says_so;
  says_so.optional_extensions = {8, kHwPadding};
  EXPECT_EQ(padded_width(spec, says_so), 16);
  // It counts among the optional ones alone.
  RootSpec elsewhere;
  elsewhere.extensions = {kHwPadding};
  elsewhere.optional_extensions = {8};
  EXPECT_EQ(padded_width(spec, elsewhere), 8);

  StreamSpec other_order = spec;
  other_order.format = 0;
  EXPECT_EQ(padded_width(other_order, silent), 16);
  StreamSpec several_buffers = spec;
  several_buffers.buffers_per_frame = 12;
  EXPECT_EQ(padded_width(several_buffers, silent), 16);
  StreamSpec odd_row = spec;
  odd_row.width = 7;  // 21 bytes
  EXPECT_EQ(padded_width(odd_row, silent), 16);
  StreamSpec small_buffer = spec;
  small_buffer.largest_buffer = 24;  // a row has to be below it
  EXPECT_EQ(padded_width(small_buffer, silent), 16);
  small_buffer.largest_buffer = 25;
  EXPECT_EQ(padded_width(small_buffer, silent), 8);
  StreamSpec wide = spec;  // 8192 bytes and no more, whatever the file allows
  wide.width = 4096;
  wide.features = wide.padded_features = 1;
  wide.padded_width = 4104;
  wide.data_bytes = 2;
  wide.largest_buffer = 0x10000;
  EXPECT_EQ(padded_width(wide, silent), 4104);
  wide.width = 4088;
  EXPECT_EQ(padded_width(wide, silent), 4088);
}

// 2^32 - 1 features of 2^32 - 1 columns, 2 bytes each: the product wraps in 64 bits.
TEST(HefStream, HugeSizesAreAnErrorOfTheLayoutAlone) {
  StreamSpec spec;
  spec.width = spec.features = spec.padded_width = spec.padded_features =
      std::numeric_limits<std::uint32_t>::max();
  spec.data_bytes = 2;
  spec.buffers_per_frame = 6;
  const HefStream stream = read_one(spec, {.optional_extensions = {8}});
  ASSERT_FALSE(stream.layout);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kOutOfRange);
  EXPECT_TRUE(stream.quant);
}

TEST(HefStream, ContradictorySizesAreAnErrorOfTheLayoutAlone) {
  StreamSpec spec;
  spec.padded_width = 4;
  const HefStream stream = read_one(spec);
  ASSERT_FALSE(stream.layout);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kInvalidData);
  EXPECT_EQ(stream.layout.error().context, "net/conv1");
}

TEST(HefStream, OneScale) {
  const HefStream stream = read_one({});
  ASSERT_TRUE(stream.quant);
  EXPECT_THAT(stream.quant->scale, ElementsAre(0.5F));
  EXPECT_THAT(stream.quant->zero_point, ElementsAre(3.0F));
  EXPECT_EQ(stream.quant->range_min, -1.5F);
  EXPECT_EQ(stream.quant->range_max, 126.0F);
}

TEST(HefStream, ScalesPerChannelCountOnlyWithTheExtension) {
  StreamSpec spec;
  spec.scales = {0.25, 0.5, 0.1};
  spec.zero_points = {1, -0.0, 2.5};
  EXPECT_THAT(read_one(spec).quant->scale, ElementsAre(0.5F));
  const RootSpec listed{.extensions = {kScalePerFeature}};
  const HefStream stream = read_one(spec, listed);
  ASSERT_TRUE(stream.quant) << stream.quant.error().text();
  EXPECT_THAT(stream.quant->scale, ElementsAre(0.25F, 0.5F, 0.1F));
  EXPECT_THAT(stream.quant->zero_point, ElementsAre(1.0F, -0.0F, 2.5F));
  EXPECT_EQ(stream.quant->axis, 3);
  // As an option it says nothing, and neither where the messages are of version 0.
  EXPECT_FALSE(read_one(spec, {.optional_extensions = {8, kHwPadding, kScalePerFeature}})
                   .quant->per_channel());
  EXPECT_FALSE(
      read_one(spec, {.format_version = 0, .extensions = {kScalePerFeature}}).quant->per_channel());
}

TEST(HefStream, WhereOneOfTheVectorsIsMissingTheSingleValueHoldsForAll) {
  const RootSpec listed{.extensions = {kScalePerFeature}};
  StreamSpec scales;
  scales.scales = {0.25, 0.5, 0.1};
  EXPECT_THAT(read_one(scales, listed).quant->zero_point, ElementsAre(3.0F, 3.0F, 3.0F));
  StreamSpec zero_points;
  zero_points.zero_points = {1, 2, 3};
  EXPECT_THAT(read_one(zero_points, listed).quant->scale, ElementsAre(0.5F, 0.5F, 0.5F));
  EXPECT_THAT(read_one({}, listed).quant->scale, ElementsAre(0.5F));
}

TEST(HefStream, VectorsOfAnotherLengthAreNoParameters) {
  StreamSpec spec;
  spec.scales = {0.25, 0.5};
  const HefStream stream = read_one(spec, {.extensions = {kScalePerFeature}});
  ASSERT_FALSE(stream.quant);
  EXPECT_EQ(stream.quant.error().code, ErrorCode::kInvalidData);
  EXPECT_THAT(stream.quant.error().message, HasSubstr("2 scales"));
}

TEST(HefStream, UnknownScalesAreNoParameters) {
  for (const float scale : {0.0F, -1.0F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    StreamSpec spec;
    spec.scale = scale;
    EXPECT_FALSE(read_one(spec).quant) << scale;
  }
  const RootSpec listed{.extensions = {kScalePerFeature}};
  // Below and beyond what float32 can hold.
  for (const double scale : {1e-60, 1e60, std::numeric_limits<double>::quiet_NaN()}) {
    StreamSpec spec;
    spec.scales = {0.25, scale, 0.1};
    EXPECT_FALSE(read_one(spec, listed).quant) << scale;
  }
  StreamSpec zero_point;
  zero_point.zero_point = std::nanf("");
  EXPECT_FALSE(read_one(zero_point).quant);
  StreamSpec range;
  range.maximum = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(read_one(range).quant);
}

TEST(HefStream, InputsHaveOneScale) {
  const RootSpec listed{.extensions = {kScalePerFeature}};
  StreamSpec spec;
  spec.output = false;
  spec.scales = {0.25, 0.25, 0.25};
  EXPECT_THAT(read_one(spec, listed).quant->scale, ElementsAre(0.25F));
  spec.scales = {0.25, 0.25, 0.5};
  EXPECT_FALSE(read_one(spec, listed).quant);
}

TEST(HefStream, NormalizationIsConcludedOrUnknown) {
  StreamSpec spec;
  spec.output = false;
  spec.zero_point = 0;
  spec.scale = 1;
  spec.minimum = 0;
  spec.maximum = 255;
  spec.original_names = {"model_script_layer_normalization1"};
  EXPECT_EQ(read_one(spec).normalization, HefNormalization::kInside);
  spec.original_names = {"images"};
  EXPECT_EQ(read_one(spec).normalization, HefNormalization::kUnknown);
  spec.scale = 0.0187F;
  spec.minimum = -2.1F;
  spec.maximum = 2.6F;
  EXPECT_EQ(read_one(spec).normalization, HefNormalization::kOutside);
  spec.minimum = spec.maximum = 0;
  EXPECT_EQ(read_one(spec).normalization, HefNormalization::kUnknown);
}

TEST(HefStream, TransposedByItselfOrByAnOldNetwork) {
  StreamSpec spec;
  spec.transposed = true;
  const auto file = read_wire(testing::root_of_streams({spec}));
  ASSERT_TRUE(file);
  const HefGroup& group = file->groups[0];
  EXPECT_TRUE(group.streams[0].transposed);
  EXPECT_EQ(group.streams[0].layout->height, 6);            // as the device has it
  EXPECT_THAT(*group.views[0].size, ElementsAre(5, 6, 3));  // as a program has it
  spec.transposed = false;
  const Wire edge = edge_wire(spec);
  const auto old = read_wire(
      testing::root_wire({testing::core_wire("net", {testing::context_wire({edge})}, true)},
                         {.optional_extensions = {}}));
  ASSERT_TRUE(old) << old.error().text();
  EXPECT_TRUE(old->groups[0].streams[0].transposed);
}

Wire boxes_wire(bool defused) {
  Wire boxes;
  boxes.number(1, 1).number(2, 80).number(3, 25).number(4, 14).number(7, 2);
  if (defused) boxes.number(5, 1).message(6, Wire().number(1, 1).text(3, "net/nms"));
  return boxes;
}

Wire boxes_edge(const std::string& name, bool defused) {
  StreamSpec spec;
  spec.name = name;
  spec.format = 6;
  spec.data_bytes = 2;
  const Wire base = testing::base_wire(spec).message(11, Wire().message(1, boxes_wire(defused)));
  return edge_wire(spec, 0, 3, layer_wire(spec, base));
}

TEST(HefStream, BoxesAreNoTensor) {
  const auto file = read_wire(root_of_edge(boxes_edge("net/nms", false)));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kBoxes);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(stream.quant.error().code, ErrorCode::kUnsupported);
  const HefView& view = file->groups[0].views[0];
  EXPECT_EQ(view.order, "HAILO NMS BY CLASS");
  EXPECT_EQ(view.type, DataType::kFloat32);
  EXPECT_EQ(view.boxes, (HefBoxes{80, 50}));  // 25 of each of two divisions
  EXPECT_FALSE(view.size);
}

TEST(HefStream, PiecesOfOneOutputAreSeenAsOne) {
  const Wire whole = Wire().message(1, Wire().text(1, "net/nms")).message(3, boxes_wire(false));
  const Wire fused = Wire().number(1, 1).text(2, "net/nms").message(3, whole);
  const Wire context =
      testing::context_wire({boxes_edge("net/nms_a", true), boxes_edge("net/nms_b", true)});
  const auto file = read_wire(
      testing::root_wire({testing::core_wire("net", {context}).message(5, fused).text(6, "net")}));
  ASSERT_TRUE(file) << file.error().text();
  ASSERT_EQ(file->groups[0].streams.size(), 2);
  EXPECT_EQ(file->groups[0].streams[1].defused_from, "net/nms");
  ASSERT_EQ(file->groups[0].views.size(), 1);
  EXPECT_EQ(file->groups[0].views[0].name, "net/nms");
  EXPECT_EQ(file->groups[0].views[0].boxes, (HefBoxes{80, 50}));
  const auto missing = read_wire(testing::root_wire(
      {testing::core_wire("net", {context}).message(5, Wire().number(1, 1)).text(6, "net")}));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("net/nms"));
}

Wire mux_wire(const std::string& name, const std::vector<Wire>& parts, std::size_t announced) {
  StreamSpec spec;
  Wire mux;
  mux.text(1, name).message(2, testing::base_wire(spec)).message(3, Wire().number(1, announced));
  for (const Wire& part : parts) mux.message(5, part);
  return mux;
}

TEST(HefStream, AMuxIsItsParts) {
  StreamSpec first;
  first.name = "net/conv1";
  first.width = 8;
  first.padded_width = 16;
  first.buffers_per_frame = 6;
  StreamSpec second;
  second.name = "net/conv2";
  second.format = 3;
  const Wire inner = mux_wire("net/mux2", {Wire().message(1, layer_wire(second))}, 1);
  const Wire mux =
      mux_wire("net/mux1", {Wire().message(1, layer_wire(first)), Wire().message(2, inner)}, 2);
  const Wire edge = edge_wire({}, 1, 4, mux);
  const auto file = read_wire(testing::root_wire(
      {testing::core_wire("net", {testing::context_wire({edge})})}, {.optional_extensions = {}}));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kMux);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(stream.quant.error().code, ErrorCode::kUnsupported);
  ASSERT_EQ(stream.parts.size(), 2);
  // No padding stays on the device inside a mux.
  EXPECT_EQ(stream.parts[0].layout->padded_width, 16);
  EXPECT_EQ(stream.parts[1].parts[0].layout->order, DeviceOrder::kFcr);
  ASSERT_EQ(file->groups[0].views.size(), 2);
  EXPECT_EQ(file->groups[0].views[0].name, "net/conv1");
  EXPECT_EQ(file->groups[0].views[1].name, "net/conv2");
}

TEST(HefStream, RefusesAMuxOfOtherPartsThanAnnounced) {
  const Wire part = Wire().message(1, layer_wire({}));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {part}, 4'000'000'000)))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {}, 0)))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {Wire()}, 1)))));
}

TEST(HefStream, PlanesAreOnePicture) {
  StreamSpec luma;
  luma.name = "net/y";
  luma.output = false;
  StreamSpec chroma = luma;
  chroma.name = "net/uv";
  const Wire planes = Wire()
                          .text(1, "net/input")
                          .number(2, 0)
                          .message(3, Wire().message(1, layer_wire(luma)))
                          .message(3, Wire().message(1, layer_wire(chroma)))
                          .number(4, 480)
                          .number(5, 640)
                          .number(6, 3);
  const auto file = read_wire(root_of_edge(edge_wire(luma, 2, 8, planes)));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kPlanes);
  EXPECT_EQ(stream.parts.size(), 2);
  EXPECT_FALSE(stream.layout);
  const HefView& view = file->groups[0].views.at(0);
  EXPECT_EQ(view.order, "NV12");
  EXPECT_THAT(*view.size, ElementsAre(480, 640, 3));
}

TEST(HefStream, KindsAndFieldsBelongTogether) {
  const Wire layer = layer_wire({});
  EXPECT_TRUE(read_wire(root_of_edge(edge_wire({}, 0, 3, layer))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 3, layer))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 7, 3, layer))));
}

TEST(HefStream, NamesAreText) {
  StreamSpec spec;
  spec.name = "net/\x1B[2J";
  EXPECT_EQ(read_wire(testing::root_of_streams({spec})).error().code, ErrorCode::kInvalidData);
  spec.name = "net/conv1";
  spec.original_names = {"\xFF"};
  const auto file = read_wire(testing::root_of_streams({spec}));
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().context, HasSubstr("net/conv1"));
}

}  // namespace
}  // namespace quant
