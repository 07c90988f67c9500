// SPDX-License-Identifier: MIT
#include "quant/vision/image_header.h"

#include <gmock/gmock.h>

#include <opencv2/imgcodecs.hpp>
#include <random>
#include <string>

namespace quant {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> encoded(const std::string& extension, int width, int height,
                               std::vector<int> options = {}) {
  cv::Mat image(height, width, CV_8UC3);
  cv::randu(image, 0, 255);
  std::vector<std::uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(extension, image, bytes, options));
  const auto view = std::as_bytes(std::span(bytes));
  return {view.begin(), view.end()};
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string error_of(std::string_view text) {
  const auto header = parse_image_header(bytes_of(text));
  return header ? "no error" : header.error().text();
}

TEST(ImageHeader, FindsTheSizeInEveryFormat) {
  struct Case {
    const char* extension;
    ImageFormat format;
    std::vector<int> options;
  };
  const Case cases[] = {
      {".jpg", ImageFormat::kJpeg, {}},
      {".jpg", ImageFormat::kJpeg, {cv::IMWRITE_JPEG_PROGRESSIVE, 1}},
      {".jpg", ImageFormat::kJpeg, {cv::IMWRITE_JPEG_RST_INTERVAL, 2}},
      {".png", ImageFormat::kPng, {}},
      {".bmp", ImageFormat::kBmp, {}},
      {".webp", ImageFormat::kWebp, {cv::IMWRITE_WEBP_QUALITY, 50}},
      {".webp", ImageFormat::kWebp, {cv::IMWRITE_WEBP_QUALITY, 101}},  // lossless
      {".ppm", ImageFormat::kPnm, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.extension);
    const auto header = parse_image_header(encoded(c.extension, 301, 47, c.options));
    ASSERT_TRUE(header) << header.error().text();
    EXPECT_EQ(header->format, c.format);
    EXPECT_EQ(header->width, 301);
    EXPECT_EQ(header->height, 47);
  }
}

TEST(ImageHeader, ReadsPnmComments) {
  const auto header = parse_image_header(bytes_of("P5\n# by hand\n12 # wide\n 34\n255\n"));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->width, 12);
  EXPECT_EQ(header->height, 34);
}

TEST(ImageHeader, RefusesNoneAndTooManyPixels) {
  EXPECT_THAT(error_of("P5 0 4 255 "), HasSubstr("no pixels (0x4)"));
  EXPECT_THAT(error_of("P5 4 x 255 "), HasSubstr("no pixels"));
  EXPECT_THAT(error_of("P5 60000 60000 255 "), HasSubstr("too large (60000x60000"));
  EXPECT_THAT(error_of("P5 99999999999999999999999 1 255 "), HasSubstr("too large"));
  std::string png = "\x89PNG\r\n\x1a\n" + std::string("\0\0\0\x0dIHDR", 8) +
                    std::string("\x7f\xff\xff\xff\0\0\0\x01", 8) + "IEND";
  EXPECT_THAT(error_of(png), HasSubstr("too large (2147483647x1"));
  std::string bmp = "BM" + std::string(12, '\0') + std::string("\x28\0\0\0", 4) +
                    std::string("\0\0\0\x80\0\0\0\x80", 8) + "...";
  EXPECT_THAT(error_of(bmp), HasSubstr("no pixels"));
}

TEST(ImageHeader, RefusesOtherFiles) {
  for (const char* const text : {"", "x", "hello, world", "GIF89a..........", "P7 1 1"}) {
    EXPECT_THAT(error_of(text), HasSubstr("no image")) << text;
  }
}

// A JPEG decoder fills what is missing with gray; here it must be an error, wherever the file ends.
TEST(ImageHeader, FindsCutFiles) {
  for (const auto& whole : {encoded(".jpg", 64, 48), encoded(".png", 64, 48)}) {
    // The last 8 bytes of a PNG are its end marker and a checksum.
    for (std::size_t size = 0; size + 8 < whole.size(); ++size) {
      EXPECT_FALSE(parse_image_header(std::span(whole).first(size))) << size;
    }
    EXPECT_TRUE(parse_image_header(whole));
  }
}

TEST(ImageHeader, SurvivesDamage) {
  std::mt19937 random(11);
  for (const char* const extension : {".jpg", ".png", ".bmp", ".webp", ".ppm"}) {
    const auto good = encoded(extension, 20, 10);
    for (int round = 0; round < 2000; ++round) {
      auto bad = good;
      for (int i = 0; i < 3; ++i)
        bad[random() % std::min<std::size_t>(bad.size(), 200)] = static_cast<std::byte>(random());
      bad.resize(random() % bad.size());
      const auto header = parse_image_header(bad);
      EXPECT_TRUE(!header || header->width * header->height <= kMaxImagePixels);
    }
  }
}

}  // namespace
}  // namespace quant
