// SPDX-License-Identifier: MIT
#include "quantnormalize/frame_converter.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "plugin/tensor_bridge.h"

namespace quant::element {
namespace {

InputSpec spec_of(int width, int height, ColorOrder color) {
  InputSpec spec;
  spec.name = "image";
  spec.width = width;
  spec.height = height;
  spec.color = color;
  return spec;
}

GstVideoInfo info_of(GstVideoFormat format, int width, int height) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, static_cast<guint>(width), static_cast<guint>(height));
  return info;
}

GstPointer<GstBuffer> noise(const GstVideoInfo& info) {
  std::vector<std::uint8_t> bytes(info.size);
  std::mt19937 random(1);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return GstPointer<GstBuffer>(gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

// One colour, whatever the format.
GstPointer<GstBuffer> solid(const GstVideoInfo& info, guint8 red, guint8 green, guint8 blue) {
  GstVideoInfo rgb = info_of(GST_VIDEO_FORMAT_RGB, info.width, info.height);
  GstPointer<GstBuffer> source(gst_buffer_new_allocate(nullptr, rgb.size, nullptr));
  GstPointer<GstBuffer> target(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  GstVideoFrame from;
  GstVideoFrame to;
  gst_video_frame_map(&from, &rgb, source.get(), GST_MAP_WRITE);
  for (int y = 0; y < rgb.height; ++y) {
    auto* row = static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&from, 0)) +
                y * GST_VIDEO_FRAME_PLANE_STRIDE(&from, 0);
    for (int x = 0; x < rgb.width; ++x) {
      row[3 * x] = red;
      row[3 * x + 1] = green;
      row[3 * x + 2] = blue;
    }
  }
  gst_video_frame_map(&to, &info, target.get(), GST_MAP_WRITE);
  GstVideoInfo target_info = info;
  GstVideoConverter* converter = gst_video_converter_new(&rgb, &target_info, nullptr);
  gst_video_converter_frame(converter, &from, &to);
  gst_video_converter_free(converter);
  gst_video_frame_unmap(&from);
  gst_video_frame_unmap(&to);
  return target;
}

Tensor convert(const GstVideoInfo& info, const InputSpec& spec, GstBuffer* frame,
               const FrameOptions& options = {}) {
  auto converter = FrameConverter::make(info, spec, options);
  EXPECT_TRUE(converter) << converter.error().text();
  auto tensor = (*converter)->convert(frame);
  EXPECT_TRUE(tensor) << tensor.error().text();
  return *from_gst(tensor->get());
}

TEST(FrameConverter, SharesAFrameThatFits) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 32, 24);
  const auto frame = noise(info);
  const Tensor tensor = convert(info, spec_of(32, 24, ColorOrder::kRgb), frame.get());
  GstMapInfo map;
  gst_buffer_map(frame.get(), &map, GST_MAP_READ);
  EXPECT_EQ(reinterpret_cast<const guint8*>(tensor.raw()), map.data);
  gst_buffer_unmap(frame.get(), &map);
}

// Nobody who draws on the picture later may change what the network saw.
TEST(FrameConverter, WritingToTheFrameLeavesTheTensorAlone) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_GRAY8, 8, 4);
  const auto frame = noise(info);
  const Tensor tensor = convert(info, spec_of(8, 4, ColorOrder::kGray), frame.get());
  const Tensor before = tensor.clone();
  GstMapInfo map;
  ASSERT_TRUE(gst_buffer_map(frame.get(), &map, GST_MAP_WRITE));
  memset(map.data, 0, map.size);
  gst_buffer_unmap(frame.get(), &map);
  EXPECT_TRUE(std::equal(before.raw(), before.raw() + before.bytes(), tensor.raw()));
}

// 33 pixels of three bytes: GStreamer pads the row to 100 bytes.
TEST(FrameConverter, RemovesRowPadding) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_BGR, 33, 5);
  ASSERT_EQ(info.stride[0], 100);
  const auto frame = noise(info);
  const Tensor tensor = convert(info, spec_of(33, 5, ColorOrder::kBgr), frame.get());
  ASSERT_EQ(tensor.shape(), (Shape{1, 5, 33, 3}));
  GstMapInfo map;
  gst_buffer_map(frame.get(), &map, GST_MAP_READ);
  for (int y = 0; y < 5; ++y) {
    EXPECT_EQ(memcmp(tensor.raw() + std::ptrdiff_t{99} * y, map.data + std::ptrdiff_t{100} * y, 99),
              0)
        << y;
  }
  gst_buffer_unmap(frame.get(), &map);
}

TEST(FrameConverter, HonoursTheStrideOfVideoMeta) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_GRAY8, 4, 2);
  const std::array<guint8, 16> bytes{0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0};
  const GstPointer<GstBuffer> frame(gst_buffer_new_memdup(bytes.data(), bytes.size()));
  gsize offsets[GST_VIDEO_MAX_PLANES] = {2};
  gint strides[GST_VIDEO_MAX_PLANES] = {8};
  gst_buffer_add_video_meta_full(frame.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 4,
                                 2, 1, offsets, strides);
  const Tensor tensor = convert(info, spec_of(4, 2, ColorOrder::kGray), frame.get());
  const std::array<guint8, 8> expected{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(memcmp(tensor.raw(), expected.data(), expected.size()), 0);
}

TEST(FrameConverter, SwapsColoursWithoutLoss) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 32, 24);
  const auto frame = noise(info);
  const Tensor tensor = convert(info, spec_of(32, 24, ColorOrder::kBgr), frame.get());
  GstMapInfo map;
  gst_buffer_map(frame.get(), &map, GST_MAP_READ);
  const auto bgr = tensor.data<std::uint8_t>();
  for (std::size_t i = 0; i < bgr.size(); i += 3) {
    ASSERT_EQ(bgr[i], map.data[i + 2]);
    ASSERT_EQ(bgr[i + 1], map.data[i + 1]);
    ASSERT_EQ(bgr[i + 2], map.data[i]);
  }
  gst_buffer_unmap(frame.get(), &map);
}

class FrameFormat : public ::testing::TestWithParam<GstVideoFormat> {};

// A solid colour comes out as itself, at network size and at others, odd ones included. GStreamer
// computes Y'CbCr with 8-bit coefficients: there and back it loses up to six of 255.
TEST_P(FrameFormat, KeepsColours) {
  for (const auto& [width, height] : {std::pair{32, 24}, std::pair{50, 30}, std::pair{7, 9}}) {
    const GstVideoInfo info = info_of(GetParam(), width, height);
    const bool gray = GetParam() == GST_VIDEO_FORMAT_GRAY8;
    const std::array<int, 3> color = gray ? std::array{90, 90, 90} : std::array{200, 120, 40};
    const auto frame = solid(info, static_cast<guint8>(color[0]), static_cast<guint8>(color[1]),
                             static_cast<guint8>(color[2]));
    const Tensor tensor = convert(info, spec_of(32, 24, ColorOrder::kRgb), frame.get());
    ASSERT_EQ(tensor.shape(), (Shape{1, 24, 32, 3}));
    const auto rgb = tensor.data<std::uint8_t>();
    for (std::size_t i = 0; i < rgb.size(); ++i) {
      ASSERT_NEAR(rgb[i], color[i % 3], 6) << "element " << i << " from " << width << "x" << height;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    FrameConverter, FrameFormat,
    ::testing::Values(GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_BGR, GST_VIDEO_FORMAT_RGBA,
                      GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx,
                      GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR, GST_VIDEO_FORMAT_xRGB,
                      GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_I420,
                      GST_VIDEO_FORMAT_YV12, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV21,
                      GST_VIDEO_FORMAT_YUY2, GST_VIDEO_FORMAT_UYVY, GST_VIDEO_FORMAT_Y42B,
                      GST_VIDEO_FORMAT_Y444),
    [](const auto& parameter) { return std::string(gst_video_format_to_string(parameter.param)); });

// The same picture, resized in the pipeline and offline, is the same tensor.
TEST(FrameConverter, ResizesAsCalibrationDoes) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 101, 67);
  const auto frame = noise(info);
  for (const ResizeMode mode : {ResizeMode::kStretch, ResizeMode::kLetterbox, ResizeMode::kCrop}) {
    FrameOptions options;
    options.resize = mode;
    const Tensor tensor = convert(info, spec_of(32, 32, ColorOrder::kRgb), frame.get(), options);
    GstMapInfo map;
    gst_buffer_map(frame.get(), &map, GST_MAP_READ);
    Tensor expected(DataType::kUint8, Shape{32, 32, 3});
    ASSERT_TRUE(FrameFitter(options).fit({map.data, 101, 67, 3, info.stride[0]}, expected));
    gst_buffer_unmap(frame.get(), &map);
    EXPECT_TRUE(std::equal(expected.raw(), expected.raw() + expected.bytes(), tensor.raw()))
        << to_string(mode);
  }
}

TEST(FrameConverter, LetterboxSaysWhereTheFrameLies) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_GRAY8, 40, 20);
  const auto frame = solid(info, 10, 10, 10);
  FrameOptions options;
  options.resize = ResizeMode::kLetterbox;
  options.pad = 200;
  auto converter = FrameConverter::make(info, spec_of(16, 16, ColorOrder::kGray), options);
  ASSERT_TRUE(converter);
  const auto tensor = (*converter)->convert(frame.get());
  ASSERT_TRUE(tensor);
  EXPECT_EQ((*tensor)->region.x, 0);
  EXPECT_EQ((*tensor)->region.y, 4);
  EXPECT_EQ((*tensor)->region.width, 16U);
  EXPECT_EQ((*tensor)->region.height, 8U);
  const Tensor pixels = *from_gst(tensor->get());
  EXPECT_EQ(pixels.data<std::uint8_t>()[0], 200);
  EXPECT_EQ(pixels.data<std::uint8_t>()[std::size_t{8} * 16 + 8], 10);
  EXPECT_EQ(pixels.data<std::uint8_t>()[std::size_t{15} * 16 + 15], 200);
}

TEST(FrameConverter, ACropBeginsOutsideOfTheTensor) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_GRAY8, 40, 20);
  const auto frame = solid(info, 10, 10, 10);
  FrameOptions options;
  options.resize = ResizeMode::kCrop;
  auto converter = FrameConverter::make(info, spec_of(16, 16, ColorOrder::kGray), options);
  ASSERT_TRUE(converter);
  const auto tensor = (*converter)->convert(frame.get());
  ASSERT_TRUE(tensor);
  EXPECT_EQ((*tensor)->region.x, -8);
  EXPECT_EQ((*tensor)->region.y, 0);
  EXPECT_EQ((*tensor)->region.width, 32U);
  EXPECT_EQ((*tensor)->region.height, 16U);
  const Tensor pixels = *from_gst(tensor->get());
  for (const std::uint8_t pixel : pixels.data<std::uint8_t>()) EXPECT_EQ(pixel, 10);
}

TEST(FrameConverter, ABufferThatIsTooSmallIsAnError) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_I420, 64, 48);
  auto converter = FrameConverter::make(info, spec_of(32, 24, ColorOrder::kRgb), {});
  ASSERT_TRUE(converter);
  const GstPointer<GstBuffer> frame(gst_buffer_new_allocate(nullptr, 100, nullptr));
  const auto tensor = (*converter)->convert(frame.get());
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.error().code, ErrorCode::kInvalidData);
}

TEST(FrameConverter, AFrameOfAbsurdSizeIsAnError) {
  const GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 30000, 30000);
  const auto converter = FrameConverter::make(info, spec_of(32, 24, ColorOrder::kRgb), {});
  ASSERT_FALSE(converter);
  EXPECT_EQ(converter.error().code, ErrorCode::kOutOfRange);
}

}  // namespace
}  // namespace quant::element
