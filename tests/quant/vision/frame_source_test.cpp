// SPDX-License-Identifier: MIT
#include "quant/vision/frame_source.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <numeric>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>

#include "quant/tensor/npy.h"
#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

const InputSpec kSpec{"x", 8, 6, ColorOrder::kRgb, {127, 127, 127}, {128, 128, 128}};
const InputSpec kGraySpec{"x", 8, 6, ColorOrder::kGray, {0}, {255}};

void write_image(const fs::path& path, int seed, int width = 16, int height = 12) {
  cv::Mat image(height, width, CV_8UC3);
  cv::RNG(static_cast<std::uint64_t>(seed)).fill(image, cv::RNG::UNIFORM, 0, 255);
  ASSERT_TRUE(cv::imwrite(path.string(), image));
}

// Names of all frames; adds the text of the error that ended them.
std::vector<std::string> names(FrameSource& source) {
  std::vector<std::string> result;
  while (true) {
    auto frame = source.next();
    if (!frame) {
      result.push_back("error: " + frame.error().text());
      return result;
    }
    if (!*frame) return result;
    EXPECT_EQ((*frame)->index, static_cast<std::int64_t>(result.size()));
    EXPECT_EQ((*frame)->network_input.shape().size(), 4u);
    result.push_back((*frame)->name);
  }
}

std::string open_error(const fs::path& path, const InputSpec& spec = kSpec) {
  const auto source = FrameSource::open(path, spec);
  return source ? "no error" : source.error().text();
}

Tensor counting(DataType type, Shape shape) {
  Tensor tensor(type, std::move(shape));
  for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.elements()); ++i) {
    if (type == DataType::kUint8) tensor.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
    if (type == DataType::kFloat32) tensor.data<float>()[i] = static_cast<float>(i) / 64;
    if (type == DataType::kFloat64) tensor.data<double>()[i] = static_cast<double>(i) / 64;
  }
  return tensor;
}

TEST(FrameSource, ReadsAFolderInOrderOfNames) {
  const TemporaryFolder folder;
  write_image(folder / "b.png", 1);
  write_image(folder / "a.JPG", 2);
  write_image(folder / "c.bmp", 3);
  write_image(folder / "d.ppm", 4);
  write_image(folder / "e.webp", 5);
  std::ofstream(folder / "labels.csv") << "not an image";
  fs::create_directory(folder / "sub.png");
  auto source = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 5);
  EXPECT_THAT(names(*source), ElementsAre("a.JPG", "b.png", "c.bmp", "d.ppm", "e.webp"));
  EXPECT_EQ(source->summary().frames, 5);
  EXPECT_TRUE(source->summary().skipped.empty());

  ASSERT_TRUE(source->rewind());
  EXPECT_EQ(source->summary().frames, 0);
  const auto first = source->next();
  ASSERT_TRUE(first && *first);
  const Frame& frame = **first;
  ASSERT_TRUE(frame.pixels);
  EXPECT_EQ(frame.pixels->shape(), (Shape{6, 8, 3}));
  EXPECT_EQ(frame.network_input.shape(), (Shape{1, 3, 6, 8}));
  EXPECT_EQ(frame.network_input.data<float>()[6 * 8],
            (frame.pixels->data<std::uint8_t>()[1] - 127.0f) / 128.0f);
}

TEST(FrameSource, FramesKnowTheSizeOfTheirPicture) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", 1, 31, 17);
  ASSERT_TRUE(write_npy(folder / "n.npy", counting(DataType::kUint8, {6, 8, 3})));
  const auto size_of = [&](const char* name) {
    auto source = FrameSource::open(folder / name, kSpec, {.resize = ResizeMode::kLetterbox});
    const auto frame = source->next();
    return std::pair((*frame)->image_width, (*frame)->image_height);
  };
  EXPECT_EQ(size_of("a.png"), std::pair(31, 17));
  EXPECT_EQ(size_of("n.npy"), std::pair(8, 6));  // never resized
}

TEST(FrameSource, SkipsAndNamesUnreadableImages) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", 1);
  std::ofstream(folder / "b.jpg") << "text";
  std::ofstream(folder / "c.png");
  write_image(folder / "d.png", 2);
  auto source = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(source);
  EXPECT_EQ(source->count(), 4);
  EXPECT_THAT(names(*source), ElementsAre("a.png", "d.png"));
  ASSERT_EQ(source->summary().skipped.size(), 2u);
  EXPECT_EQ(source->summary().skipped[0].name, "b.jpg");
  EXPECT_THAT(source->summary().skipped[0].reason, HasSubstr("no image"));
  EXPECT_EQ(source->summary().skipped[1].name, "c.png");
}

TEST(FrameSource, ReadsTheArraysOfAFolderWithoutImages) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npy(folder / "b.npy", counting(DataType::kUint8, {2, 6, 8, 3})));
  ASSERT_TRUE(write_npy(folder / "a.npy", counting(DataType::kUint8, {6, 8, 3})));
  ASSERT_TRUE(write_npy(folder / "c.npy", counting(DataType::kUint8, {7, 7, 3})));
  ASSERT_TRUE(write_npy(folder / "d.npy", counting(DataType::kFloat32, {1, 3, 6, 8})));
  std::ofstream(folder / "labels.txt") << "not a frame";
  auto source = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 5);
  for (int pass = 0; pass < 2; ++pass) {
    EXPECT_THAT(names(*source), ElementsAre("a.npy", "b.npy[0]", "b.npy[1]", "d.npy[0]"));
    ASSERT_EQ(source->summary().skipped.size(), 1u);
    EXPECT_EQ(source->summary().skipped[0].name, "c.npy");
    EXPECT_THAT(source->summary().skipped[0].reason, HasSubstr("has shape 7x7x3"));
    ASSERT_TRUE(source->rewind());
  }
  // Beside images, arrays are something else: labels, features.
  write_image(folder / "e.png", 1);
  auto images = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(images);
  EXPECT_THAT(names(*images), ElementsAre("e.png"));
}

TEST(FrameSource, FailsWhereNothingIsReadable) {
  const TemporaryFolder folder;
  EXPECT_THAT(open_error(folder.path()),
              HasSubstr(folder.path().string() + ": the folder holds no image"));
  EXPECT_THAT(open_error(folder / "missing"), HasSubstr("missing: no such file or folder"));
  EXPECT_THAT(open_error(folder / "missing.npy"), HasSubstr("missing.npy: no such file"));
  std::ofstream(folder / "a.jpg") << "text";
  auto one = FrameSource::open(folder / "a.jpg", kSpec);
  ASSERT_TRUE(one);
  EXPECT_THAT(names(*one), ElementsAre(HasSubstr("a.jpg: is no image")));
  std::ofstream(folder / "b.jpg") << "text";
  auto all = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(all);
  EXPECT_THAT(names(*all), ElementsAre(HasSubstr("none of 2 images could be read")));
}

TEST(FrameSource, CountsRepeatedAndSingleColourFrames) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", 1);
  fs::copy_file(folder / "a.png", folder / "b.png");
  cv::imwrite((folder / "c.png").string(), cv::Mat(20, 20, CV_8UC3, cv::Scalar(0, 0, 0)));
  cv::imwrite((folder / "d.png").string(), cv::Mat(9, 9, CV_8UC3, cv::Scalar(0, 0, 0)));
  cv::imwrite((folder / "e.png").string(), cv::Mat(9, 9, CV_8UC3, cv::Scalar(1, 200, 3)));
  auto source = FrameSource::open(folder.path(), kSpec);
  ASSERT_TRUE(source);
  names(*source);
  EXPECT_EQ(source->summary().repeated, 2);      // b is a; d is c at network size
  EXPECT_EQ(source->summary().single_color, 3);  // c, d, e
}

TEST(FrameSource, TakesUint8ArraysAsTheyAre) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_npy(folder / "n.npy", counting(DataType::kUint8, {3, 6, 8, 3})));
  auto source = FrameSource::open(folder / "n.npy", kSpec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 3);
  ASSERT_TRUE(source->next());
  const auto second = source->next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->name, "n.npy[1]");
  EXPECT_EQ((*second)->pixels->data<std::uint8_t>()[0], 6 * 8 * 3);

  ASSERT_TRUE(write_npy(folder / "one.npy", counting(DataType::kUint8, {6, 8, 3})));
  auto one = FrameSource::open(folder / "one.npy", kSpec);
  ASSERT_TRUE(one);
  EXPECT_THAT(names(*one), ElementsAre("one.npy"));

  for (const Shape& shape : {Shape{6, 8}, Shape{6, 8, 1}, Shape{1, 6, 8}, Shape{1, 6, 8, 1}}) {
    ASSERT_TRUE(write_npy(folder / "gray.npy", counting(DataType::kUint8, shape)));
    auto gray = FrameSource::open(folder / "gray.npy", kGraySpec);
    ASSERT_TRUE(gray) << gray.error().text();
    const auto frame = gray->next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->pixels->shape(), (Shape{6, 8, 1}));
    EXPECT_EQ((*frame)->network_input.data<float>()[47], 47.0f / 255.0f);
  }
}

TEST(FrameSource, TakesFloatArraysAsNetworkInput) {
  const TemporaryFolder folder;
  struct Case {
    DataType type;
    Shape shape;
    bool channels_last;
  };
  for (const Case& c :
       {Case{DataType::kFloat32, {2, 3, 6, 8}, false}, Case{DataType::kFloat32, {3, 6, 8}, false},
        Case{DataType::kFloat32, {2, 6, 8, 3}, true}, Case{DataType::kFloat64, {6, 8, 3}, true}}) {
    SCOPED_TRACE(to_string(c.shape));
    ASSERT_TRUE(write_npy(folder / "f.npy", counting(c.type, c.shape)));
    auto source = FrameSource::open(folder / "f.npy", kSpec);
    ASSERT_TRUE(source) << source.error().text();
    const auto frame = source->next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_FALSE((*frame)->pixels);
    EXPECT_EQ((*frame)->network_input.shape(), (Shape{1, 3, 6, 8}));
    // Channel 1, row 0, column 0.
    EXPECT_EQ((*frame)->network_input.data<float>()[48], (c.channels_last ? 1.0f : 48.0f) / 64);
  }
}

TEST(FrameSource, RefusesArraysOfOtherShapesAndTypes) {
  const TemporaryFolder folder;
  const auto error = [&](DataType type, Shape shape) {
    EXPECT_TRUE(write_npy(folder / "f.npy", Tensor(type, std::move(shape))));
    return open_error(folder / "f.npy");
  };
  EXPECT_THAT(error(DataType::kUint8, {2, 8, 6, 3}),
              HasSubstr("f.npy: has shape 2x8x6x3, but the network takes uint8 frames of Nx6x8x3"));
  EXPECT_THAT(error(DataType::kUint8, {2, 3, 6, 8}), HasSubstr("has shape"));
  EXPECT_THAT(error(DataType::kFloat32, {5}), HasSubstr("Nx3x6x8 or Nx6x8x3"));
  EXPECT_THAT(error(DataType::kFloat32, {}), HasSubstr("has shape scalar"));
  EXPECT_THAT(error(DataType::kInt32, {6, 8, 3}), HasSubstr("holds int32"));
  EXPECT_THAT(error(DataType::kUint8, {0, 6, 8, 3}), HasSubstr("holds no frame"));
}

TEST(FrameSource, SkipsFramesWithNan) {
  const TemporaryFolder folder;
  Tensor frames = counting(DataType::kFloat32, {3, 3, 6, 8});
  frames.data<float>()[3 * 6 * 8 + 5] = std::numeric_limits<float>::quiet_NaN();
  ASSERT_TRUE(write_npy(folder / "f.npy", frames));
  auto source = FrameSource::open(folder / "f.npy", kSpec);
  ASSERT_TRUE(source);
  EXPECT_THAT(names(*source), ElementsAre("f.npy[0]", "f.npy[2]"));
  EXPECT_EQ(source->summary().skipped.size(), 1u);
}

TEST(FrameSource, ReadsVideos) {
  const TemporaryFolder folder;
  const std::string path = (folder / "clip.avi").string();
  {
    cv::VideoWriter writer(path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                           {32, 24});
    if (!writer.isOpened()) GTEST_SKIP() << "this OpenCV writes no video";
    for (int i = 0; i < 5; ++i) writer.write(cv::Mat(24, 32, CV_8UC3, cv::Scalar(0, 0, 50 * i)));
  }
  auto source = FrameSource::open(path, kSpec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 5);
  for (int round = 0; round < 2; ++round) {
    int frames = 0;
    while (true) {
      const auto frame = source->next();
      ASSERT_TRUE(frame) << frame.error().text();
      if (!*frame) break;
      EXPECT_EQ((*frame)->name, "clip.avi[" + std::to_string(frames) + "]");
      EXPECT_EQ((*frame)->image_width, 32);
      EXPECT_EQ((*frame)->image_height, 24);
      EXPECT_NEAR((*frame)->pixels->data<std::uint8_t>()[0], 50 * frames, 6) << "red comes first";
      EXPECT_NEAR((*frame)->pixels->data<std::uint8_t>()[2], 0, 6);
      ++frames;
    }
    EXPECT_EQ(frames, 5);
    ASSERT_TRUE(source->rewind());
  }
}

TEST(FrameSource, RefusesWhatIsNoVideo) {
  const TemporaryFolder folder;
  std::ofstream(folder / "clip.mp4") << std::string(3000, 'x');
  EXPECT_THAT(open_error(folder / "clip.mp4"), HasSubstr("clip.mp4: is neither"));
  std::ofstream(folder / "empty.mp4");
  EXPECT_THAT(open_error(folder / "empty.mp4"), HasSubstr("empty.mp4: is neither"));
  EXPECT_THAT(open_error("/dev/null"), HasSubstr("not a regular file"));
}

TEST(FrameSource, ChecksTheSpec) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", 1);
  InputSpec spec = kSpec;
  spec.std[1] = 0;
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("cannot normalize"));
  spec = kSpec;
  spec.width = 0;
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("0x6"));
}

InputSpec feature_spec() {
  InputSpec spec;
  spec.features = {{"/net/points", {1, 3, 2}}, {"codes", {2, 4}}};
  return spec;
}

TEST(Features, AreReadFromOneFilePerInput) {
  const TemporaryFolder folder;
  // Frames lie along a batch axis of one, or along a first axis of their own.
  ASSERT_TRUE(write_npy(folder / "_net_points.npy", counting(DataType::kFloat32, {2, 3, 2})));
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kFloat64, {2, 2, 4})));
  auto source = FrameSource::open(folder.path(), feature_spec());
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 2);
  ASSERT_TRUE(source->next());
  const auto frame = source->next();
  ASSERT_TRUE(frame && *frame);
  ASSERT_EQ((*frame)->features.size(), 2U);
  EXPECT_EQ((*frame)->features[0].shape(), (Shape{1, 3, 2}));
  EXPECT_EQ((*frame)->features[0].data<float>()[0], 6.0F / 64);
  EXPECT_EQ((*frame)->features[1].shape(), (Shape{2, 4}));
  EXPECT_EQ((*frame)->features[1].data<float>()[7], 15.0F / 64);
  EXPECT_EQ((*frame)->onnx_inputs().size(), 2U);
  EXPECT_EQ(float_inputs(**frame, feature_spec()).size(), 2U);
  const auto end = source->next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
  ASSERT_TRUE(source->rewind());
  EXPECT_TRUE(*source->next());
}

TEST(Features, OneInputMayBeNamedItself) {
  const TemporaryFolder folder;
  InputSpec spec;
  spec.features = {{"codes", {1, 4}}};
  ASSERT_TRUE(write_npy(folder / "any.npy", counting(DataType::kFloat32, {3, 4})));
  const auto source = FrameSource::open(folder / "any.npy", spec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 3);
}

// As `gst-quant run` writes a single frame.
TEST(Features, OneFrameMayLieThereAsItIs) {
  const TemporaryFolder folder;
  InputSpec spec;
  spec.features = {{"codes", {2, 4}}};
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kFloat32, {2, 4})));
  auto source = FrameSource::open(folder.path(), spec);
  ASSERT_TRUE(source) << source.error().text();
  EXPECT_EQ(source->count(), 1);
  const auto frame = source->next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->features[0].shape(), (Shape{2, 4}));
}

TEST(Features, WhatDoesNotFitIsNamed) {
  const TemporaryFolder folder;
  const InputSpec spec = feature_spec();
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("_net_points.npy"));
  EXPECT_THAT(open_error(folder / "photo.jpg", spec),
              HasSubstr("takes features, no image: name a folder with _net_points.npy, codes.npy"));
  ASSERT_TRUE(write_npy(folder / "_net_points.npy", counting(DataType::kFloat32, {2, 3, 2})));
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kFloat32, {3, 4})));
  EXPECT_THAT(
      open_error(folder.path(), spec),
      HasSubstr("codes.npy: has shape 3x4, but frames of the input 'codes' are stacked as Nx2x4"));
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kUint8, {2, 2, 4})));
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("codes.npy: holds uint8"));
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kFloat32, {3, 2, 4})));
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("codes.npy: holds 3 frames"));
  ASSERT_TRUE(write_npy(folder / "_net_points.npy", counting(DataType::kFloat32, {0, 3, 2})));
  ASSERT_TRUE(write_npy(folder / "codes.npy", counting(DataType::kFloat32, {0, 2, 4})));
  EXPECT_THAT(open_error(folder.path(), spec), HasSubstr("holds no frame"));
}

TEST(Features, FramesThatAreNoNumbersAreLeftOut) {
  const TemporaryFolder folder;
  InputSpec spec;
  spec.features = {{"codes", {1, 4}}};
  Tensor codes = counting(DataType::kFloat32, {3, 4});
  codes.data<float>()[5] = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(write_npy(folder / "codes.npy", codes));
  auto source = FrameSource::open(folder.path(), spec);
  ASSERT_TRUE(source) << source.error().text();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(source->next());
  EXPECT_EQ(source->summary().frames, 2);
  ASSERT_EQ(source->summary().skipped.size(), 1U);
  EXPECT_THAT(source->summary().skipped[0].reason, HasSubstr("NaN"));
}

}  // namespace
}  // namespace quant
