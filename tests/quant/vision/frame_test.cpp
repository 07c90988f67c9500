// SPDX-License-Identifier: MIT
#include "quant/vision/frame.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <random>

#include "quant/tensor/npy.h"
#include "quant/vision/decode_image.h"
#include "temporary_folder.h"

namespace quant {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

InputSpec spec_of(int width, int height, ColorOrder color) {
  InputSpec spec{"x", width, height, color, {127, 100.5f, -3}, {128, 57.375f, 0.25f}};
  spec.mean.resize(static_cast<std::size_t>(spec.channels()));
  spec.std.resize(static_cast<std::size_t>(spec.channels()));
  return spec;
}

cv::Mat gradient(int width, int height) {
  cv::Mat image(height, width, CV_8UC3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.at<cv::Vec3b>(y, x) =
          cv::Vec3b(static_cast<std::uint8_t>(x * 5), static_cast<std::uint8_t>(y * 7),
                    static_cast<std::uint8_t>(x * y));
    }
  }
  return image;
}

TEST(Frame, DecodesToTheColourOrderAskedFor) {
  const TemporaryFolder folder;
  const cv::Mat bgr = gradient(21, 13);
  cv::imwrite((folder / "a.png").string(), bgr);
  const auto as_bgr = decode_image(folder / "a.png", ColorOrder::kBgr);
  const auto as_rgb = decode_image(folder / "a.png", ColorOrder::kRgb);
  const auto as_gray = decode_image(folder / "a.png", ColorOrder::kGray);
  ASSERT_TRUE(as_bgr && as_rgb && as_gray);
  EXPECT_EQ(as_bgr->shape(), (Shape{13, 21, 3}));
  EXPECT_EQ(as_gray->shape(), (Shape{13, 21, 1}));
  for (int i = 0; i < 13 * 21; ++i) {
    const cv::Vec3b pixel = bgr.at<cv::Vec3b>(i / 21, i % 21);
    const std::size_t at = static_cast<std::size_t>(i);
    for (int c = 0; c < 3; ++c) {
      EXPECT_EQ(as_bgr->data<std::uint8_t>()[at * 3 + static_cast<std::size_t>(c)], pixel[c]);
      EXPECT_EQ(as_rgb->data<std::uint8_t>()[at * 3 + static_cast<std::size_t>(c)], pixel[2 - c]);
    }
    const double luma = 0.299 * pixel[2] + 0.587 * pixel[1] + 0.114 * pixel[0];
    EXPECT_NEAR(as_gray->data<std::uint8_t>()[at], luma, 0.51);
  }
}

TEST(Frame, DropsTransparencyAndPalettes) {
  const TemporaryFolder folder;
  cv::Mat bgra;
  cv::cvtColor(gradient(8, 8), bgra, cv::COLOR_BGR2BGRA);
  for (int i = 0; i < 64; ++i) bgra.at<cv::Vec4b>(i / 8, i % 8)[3] = 0;
  cv::imwrite((folder / "alpha.png").string(), bgra);
  cv::imwrite((folder / "plain.png").string(), gradient(8, 8));
  const auto alpha = decode_image(folder / "alpha.png", ColorOrder::kRgb);
  const auto plain = decode_image(folder / "plain.png", ColorOrder::kRgb);
  ASSERT_TRUE(alpha && plain);
  EXPECT_TRUE(std::equal(alpha->raw(), alpha->raw() + alpha->bytes(), plain->raw()));
}

// An EXIF orientation of 6 (turned right) before the image data of a JPEG: the pixels stay as they
// are coded.
TEST(Frame, IgnoresOrientation) {
  const TemporaryFolder folder;
  std::vector<std::uint8_t> jpeg;
  cv::imencode(".jpg", gradient(24, 8), jpeg);
  const std::string exif(
      "\xff\xe1\x00\x22"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  jpeg.insert(jpeg.begin() + 2, exif.begin(), exif.end());
  std::ofstream(folder / "turned.jpg", std::ios::binary)
      .write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
  ASSERT_EQ(cv::imread((folder / "turned.jpg").string()).cols, 8)
      << "the test's EXIF block is not understood";
  const auto image = decode_image(folder / "turned.jpg", ColorOrder::kRgb);
  ASSERT_TRUE(image) << image.error().text();
  EXPECT_EQ(image->shape(), (Shape{8, 24, 3}));
}

TEST(Frame, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.jpg") << "no image";
  std::vector<std::uint8_t> png;
  cv::imencode(".png", gradient(50, 50), png);
  std::ofstream(folder / "cut.png", std::ios::binary)
      .write(reinterpret_cast<const char*>(png.data()),
             static_cast<std::streamsize>(png.size() / 2));
  for (const char* const name : {"text.jpg", "cut.png", "missing.jpg"}) {
    const auto image = load_image(folder / name, spec_of(4, 4, ColorOrder::kRgb));
    ASSERT_FALSE(image) << name;
    EXPECT_THAT(image.error().text(), HasSubstr(name));
  }
}

TEST(Placement, KeepsProportionsAndCentres) {
  EXPECT_EQ(place_image(768, 432, 320, 320, ResizeMode::kLetterbox), (Placement{0, 70, 320, 180}));
  EXPECT_EQ(place_image(432, 768, 320, 320, ResizeMode::kLetterbox), (Placement{70, 0, 180, 320}));
  EXPECT_EQ(place_image(768, 432, 320, 320, ResizeMode::kStretch), (Placement{0, 0, 320, 320}));
  EXPECT_EQ(place_image(100, 100, 300, 301, ResizeMode::kLetterbox), (Placement{0, 0, 300, 300}));
  EXPECT_EQ(place_image(1, 1000, 64, 64, ResizeMode::kLetterbox), (Placement{31, 0, 1, 64}));
  EXPECT_EQ(place_image(60000, 1, 64, 64, ResizeMode::kLetterbox), (Placement{0, 31, 64, 1}));
  EXPECT_EQ(place_image(1, 1, 64, 48, ResizeMode::kLetterbox), (Placement{8, 0, 48, 48}));
  EXPECT_EQ(place_image(768, 432, 324, 324, ResizeMode::kCrop), (Placement{-126, 0, 576, 324}));
  EXPECT_EQ(place_image(432, 768, 324, 324, ResizeMode::kCrop), (Placement{0, -126, 324, 576}));
  // 224 · 500/375 = 298.67; of the odd rest of 75 the larger part is cut off on the right.
  EXPECT_EQ(place_image(500, 375, 224, 224, ResizeMode::kCrop), (Placement{-37, 0, 299, 224}));
  EXPECT_EQ(place_image(100, 100, 300, 200, ResizeMode::kCrop), (Placement{0, -50, 300, 300}));
  EXPECT_EQ(place_image(224, 224, 224, 224, ResizeMode::kCrop), (Placement{0, 0, 224, 224}));
  EXPECT_EQ(place_image(1, 65535, 224, 224, ResizeMode::kCrop),
            (Placement{0, -7339808, 224, 14679840}));
}

TEST(FrameFitter, LetterboxHasBarsAndTheResizedPicture) {
  const std::vector<std::uint8_t> white(40 * 10 * 3, 255);
  const PixelView view{white.data(), 40, 10, 3, 120};
  Tensor frame(DataType::kUint8, {20, 20, 3});
  FrameFitter fitter({ResizeMode::kLetterbox, 114});
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(fitter.fit(view, frame));
    for (int y = 0; y < 20; ++y) {
      const std::uint8_t expected = y >= 7 && y < 12 ? 255 : 114;
      for (int i = 0; i < 60; ++i) {
        ASSERT_EQ(frame.data<std::uint8_t>()[static_cast<std::size_t>(y * 60 + i)], expected) << y;
      }
    }
  }
}

// The middle of the whole resized picture, byte for byte.
TEST(FrameFitter, CropIsTheMiddleOfTheResizedPicture) {
  std::mt19937 random(5);
  for (const auto& [width, height] : {std::pair{50, 37},
                                      {37, 50},
                                      {20, 16},
                                      {31, 16},
                                      {20, 90},
                                      {7, 6},
                                      {200, 3},
                                      {40, 32},
                                      {20, 40}}) {
    SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(width * height * 3));
    for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random() % 256);
    const PixelView view{pixels.data(), width, height, 3, width * 3};
    const Placement place = place_image(width, height, 20, 16, ResizeMode::kCrop);
    ASSERT_LE(place.x, 0);
    ASSERT_LE(place.y, 0);
    ASSERT_GE(place.x + place.width, 20);
    ASSERT_GE(place.y + place.height, 16);
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(place.width * place.height * 3));
    Resampler(width, height, place.width, place.height, 3).run(view, whole.data(), place.width * 3);
    Tensor frame(DataType::kUint8, {16, 20, 3});
    FrameFitter fitter({ResizeMode::kCrop, 114});
    ASSERT_TRUE(fitter.fit(view, frame));
    for (int y = 0; y < 16; ++y) {
      for (int i = 0; i < 60; ++i) {
        ASSERT_EQ(
            frame.data<std::uint8_t>()[static_cast<std::size_t>(y * 60 + i)],
            whole[static_cast<std::size_t>((y - place.y) * place.width * 3 - place.x * 3 + i)])
            << y << " " << i;
      }
    }
  }
}

// No more memory than the frame takes, whatever the shape.
TEST(FrameFitter, CropsAPictureOfOneColumn) {
  const std::vector<std::uint8_t> column(65535, 9);
  Tensor frame(DataType::kUint8, {224, 224, 1});
  ASSERT_TRUE(FrameFitter({ResizeMode::kCrop, 114}).fit({column.data(), 1, 65535, 1, 1}, frame));
  for (const std::uint8_t pixel : frame.data<std::uint8_t>()) ASSERT_EQ(pixel, 9);
}

TEST(FrameFitter, RefusesWhatIsNoPicture) {
  const std::uint8_t pixel[3] = {};
  Tensor frame(DataType::kUint8, {4, 4, 3});
  FrameFitter fitter;
  EXPECT_FALSE(fitter.fit({pixel, 0, 1, 3, 3}, frame));
  EXPECT_FALSE(fitter.fit({pixel, 1, -1, 3, 3}, frame));
  EXPECT_FALSE(fitter.fit({pixel, 70000, 1, 3, 3}, frame));
  EXPECT_FALSE(fitter.fit({pixel, 1, 1, 1, 1}, frame));
  EXPECT_TRUE(fitter.fit({pixel, 1, 1, 3, 3}, frame));
}

TEST(Normalize, IsOneSubtractionAndOneDivisionInFloat) {
  for (const ColorOrder color : {ColorOrder::kRgb, ColorOrder::kGray}) {
    const InputSpec spec = spec_of(5, 103, color);
    const std::int64_t channels = spec.channels();
    Tensor frame(DataType::kUint8, {103, 5, channels});
    for (std::size_t i = 0; i < frame.bytes(); ++i)
      frame.raw()[i] = static_cast<std::byte>(i * 7 + i / 256);
    const Tensor input = normalize_frame(frame, spec);
    ASSERT_EQ(input.shape(), (Shape{1, channels, 103, 5}));
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      for (std::size_t i = 0; i < 515; ++i) {
        const float pixel = frame.data<std::uint8_t>()[i * static_cast<std::size_t>(channels) + c];
        const float difference = pixel - spec.mean[c];
        ASSERT_EQ(input.data<float>()[c * 515 + i], difference / spec.std[c]);
      }
    }
    const Tensor back = denormalize_input(input, spec);
    EXPECT_EQ(back.shape(), frame.shape());
    EXPECT_TRUE(std::equal(back.raw(), back.raw() + back.bytes(), frame.raw()));
  }
}

TEST(Normalize, DenormalizingClips) {
  InputSpec spec{"x", 2, 1, ColorOrder::kGray, {100}, {10}};
  const std::vector<float> values = {-1000, 1000};
  const Tensor frame = denormalize_input(Tensor::from<float>({1, 1, 1, 2}, values), spec);
  EXPECT_EQ(frame.data<std::uint8_t>()[0], 0);
  EXPECT_EQ(frame.data<std::uint8_t>()[1], 255);
}

TEST(ResizeModeNames, GoBothWays) {
  for (const ResizeMode mode : {ResizeMode::kStretch, ResizeMode::kLetterbox, ResizeMode::kCrop}) {
    EXPECT_EQ(resize_mode_from_string(to_string(mode)), mode);
  }
  EXPECT_FALSE(resize_mode_from_string("cover"));
  EXPECT_EQ(resize_mode_names(), (std::vector<std::string>{"stretch", "letterbox", "crop"}));
}

// Photographs through our own path and through Pillow (convert, resize BILINEAR): not one pixel
// differs.
TEST(Frame, EqualsPillowOnPhotographs) {
  const fs::path images = fs::path(GST_QUANT_SOURCE_DIR) / "../shared/data/images";
  if (!fs::exists(images)) GTEST_SKIP() << images << " is not there";
  if (std::system("/usr/bin/python3 -c 'import PIL, numpy' 2>/dev/null") != 0)
    GTEST_SKIP() << "no /usr/bin/python3 with Pillow and numpy";
  const TemporaryFolder folder;
  std::ofstream(folder / "make.py") << R"(import sys, glob, numpy as np
from PIL import Image
out, w, h, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
for i, f in enumerate(sys.argv[5:]):
    a = np.asarray(Image.open(f).convert(mode).resize((w, h), Image.BILINEAR), np.uint8)
    np.save('%s/%d.npy' % (out, i), a.reshape(h, w, -1))
)";
  struct Case {
    const char* folder;
    int width;
    int height;
    ColorOrder color;
  };
  for (const Case& c :
       {Case{"face", 320, 240, ColorOrder::kRgb}, Case{"pairs", 640, 480, ColorOrder::kGray},
        Case{"text", 1600, 1500, ColorOrder::kRgb}}) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(images / c.folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".jpg" || extension == ".png") files.push_back(entry.path());
    }
    std::string command = "/usr/bin/python3 " + (folder / "make.py").string() + " " +
                          folder.path().string() + " " + std::to_string(c.width) + " " +
                          std::to_string(c.height) + (c.color == ColorOrder::kGray ? " L" : " RGB");
    for (const fs::path& file : files) command += " '" + file.string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
    for (std::size_t i = 0; i < files.size(); ++i) {
      SCOPED_TRACE(files[i]);
      const auto frame = load_image(files[i], spec_of(c.width, c.height, c.color));
      const auto expected = read_npy(folder / (std::to_string(i) + ".npy"));
      ASSERT_TRUE(frame) << frame.error().text();
      ASSERT_TRUE(expected) << expected.error().text();
      ASSERT_EQ(frame->shape(), expected->shape());
      EXPECT_TRUE(std::equal(frame->raw(), frame->raw() + frame->bytes(), expected->raw()));
    }
  }
}

}  // namespace
}  // namespace quant
