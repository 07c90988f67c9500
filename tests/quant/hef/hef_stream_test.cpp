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

Wire root_of_edge(const Wire& edge) {
  return testing::root_wire(
      {testing::core_wire("net", {testing::context_wire({edge})}).text(6, "net")});
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
