// SPDX-License-Identifier: MIT
#include "quant/vision/resample.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <functional>
#include <random>
#include <vector>

namespace quant {
namespace {

struct Picture {
  int width;
  int height;
  int channels;
  std::vector<std::uint8_t> pixels;

  PixelView view() const {
    return {pixels.data(), width, height, channels, std::ptrdiff_t{width} * channels};
  }
  double at(int x, int y, int c) const {
    return pixels[static_cast<std::size_t>((y * width + x) * channels + c)];
  }
};

Picture resized(const Picture& in, int width, int height) {
  Picture out{width, height, in.channels, {}};
  out.pixels.resize(static_cast<std::size_t>(width * height * in.channels));
  Resampler(in.width, in.height, width, height, in.channels)
      .run(in.view(), out.pixels.data(), std::ptrdiff_t{width} * in.channels);
  return out;
}

Picture pattern(int width, int height, int channels) {
  Picture picture{width, height, channels, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        picture.pixels.push_back(
            static_cast<std::uint8_t>(x * x * 7 + y * 31 + c * 53 + x * y * 13));
      }
    }
  }
  return picture;
}

Picture noise(int width, int height, int channels) {
  Picture picture{width, height, channels, {}};
  std::mt19937 random(static_cast<unsigned>(width * 1000 + height));
  picture.pixels.resize(static_cast<std::size_t>(width * height * channels));
  for (std::uint8_t& pixel : picture.pixels) pixel = static_cast<std::uint8_t>(random());
  return picture;
}

// The weight of input pixel x for output pixel i, not normalized.
double weight(int x, int i, int in, int out) {
  const double scale = static_cast<double>(in) / out;
  return std::max(0.0, 1 - std::abs(x + 0.5 - (i + 0.5) * scale) / std::max(scale, 1.0));
}

// Both axes at once in double: differs from the two rounded passes by at most one.
double naive(const Picture& in, int x, int y, int c, int width, int height) {
  double sum = 0;
  double weights = 0;
  for (int v = 0; v < in.height; ++v) {
    for (int u = 0; u < in.width; ++u) {
      const double w = weight(u, x, in.width, width) * weight(v, y, in.height, height);
      sum += w * in.at(u, v, c);
      weights += w;
    }
  }
  return sum / weights;
}

// Expected values: Pillow 9.4, Image.resize(size, Image.BILINEAR), of the same pattern.
TEST(Resample, EqualsPillow) {
  struct Case {
    Picture in;
    int width;
    int height;
    std::vector<std::uint8_t> expected;
  };
  const Case cases[] = {
      {pattern(13, 9, 3), 4, 3, {77,  121, 162, 122, 130, 136, 144, 106, 122, 159, 128, 111,
                                 122, 148, 127, 114, 132, 126, 137, 125, 127, 125, 124, 117,
                                 135, 116, 114, 129, 135, 124, 141, 126, 127, 112, 142, 116}},
      {pattern(5, 4, 1), 8, 6, {0,   3,   8,   21,  39,  61,  91,  112, 16,  22,  31,  48,
                                70,  96,  130, 154, 36,  46,  61,  83,  110, 142, 157, 166,
                                57,  70,  90,  118, 151, 187, 112, 51,  78,  95,  121, 154,
                                152, 114, 84,  64,  93,  113, 143, 180, 142, 28,  67,  105}},
      {pattern(7, 11, 1), 7, 3, {51, 80,  101, 113, 118, 107, 162, 155, 133, 101, 126,
                                 96, 143, 123, 134, 118, 123, 157, 102, 106, 152}},
      {pattern(10, 3, 1), 3, 3, {25, 135, 143, 75, 116, 138, 112, 120, 145}},
      {pattern(40, 30, 1), 3, 2, {126, 130, 132, 131, 132, 127}},
  };
  for (const Case& c : cases) EXPECT_EQ(resized(c.in, c.width, c.height).pixels, c.expected);
}

TEST(Resample, IsTheTriangleFilterAtAllSizes) {
  struct Case {
    int in_width, in_height, width, height, channels;
  };
  const Case cases[] = {{1, 1, 1, 1, 3},  {1, 1, 5, 7, 3},   {17, 13, 5, 4, 3},   {16, 16, 8, 8, 1},
                        {3, 50, 9, 2, 2}, {64, 3, 3, 64, 4}, {31, 33, 32, 32, 3}, {200, 1, 1, 1, 1},
                        {9, 9, 9, 4, 3},  {9, 9, 4, 9, 3}};
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::Message()
                 << c.in_width << "x" << c.in_height << " to " << c.width << "x" << c.height);
    const Picture in = noise(c.in_width, c.in_height, c.channels);
    const Picture out = resized(in, c.width, c.height);
    for (int y = 0; y < c.height; ++y) {
      for (int x = 0; x < c.width; ++x) {
        for (int k = 0; k < c.channels; ++k) {
          ASSERT_NEAR(out.at(x, y, k), naive(in, x, y, k, c.width, c.height), 1.01)
              << x << "," << y;
        }
      }
    }
  }
}

// One axis by the rule of resample.h, a pixel at a time: out[i] of the pixels in(x).
std::vector<std::uint8_t> one_axis(int in, int out, const std::function<int(int)>& pixel) {
  std::vector<std::uint8_t> result;
  const double scale = static_cast<double>(in) / out;
  const double inverse_radius = 1 / std::max(scale, 1.0);
  for (int i = 0; i < out; ++i) {
    const double center = (i + 0.5) * scale;
    const auto triangle = [&](int x) {
      return std::max(0.0, 1 - std::abs((x - center + 0.5) * inverse_radius));
    };
    double whole = 0;
    for (int x = 0; x < in; ++x) whole += triangle(x);
    std::int64_t sum = 1 << 21;
    for (int x = 0; x < in; ++x) {
      const double weight = triangle(x) / whole;
      sum += pixel(x) * static_cast<std::int64_t>(std::floor(weight * (1 << 22) + 0.5));
    }
    result.push_back(static_cast<std::uint8_t>(std::min<std::int64_t>(sum >> 22, 255)));
  }
  return result;
}

Picture rule(const Picture& in, int width, int height) {
  const auto at = [](const Picture& picture, int x, int y, int c) -> std::size_t {
    return static_cast<std::size_t>((y * picture.width + x) * picture.channels + c);
  };
  Picture between{width, in.height, in.channels, {}};
  Picture out{width, height, in.channels, {}};
  between.pixels.resize(static_cast<std::size_t>(width * in.height * in.channels));
  out.pixels.resize(static_cast<std::size_t>(width * height * in.channels));
  for (int c = 0; c < in.channels; ++c) {
    for (int y = 0; y < in.height; ++y) {
      const auto row = one_axis(in.width, width, [&](int x) { return in.pixels[at(in, x, y, c)]; });
      for (int x = 0; x < width; ++x)
        between.pixels[at(between, x, y, c)] = row[static_cast<std::size_t>(x)];
    }
    for (int x = 0; x < width; ++x) {
      const auto column =
          one_axis(in.height, height, [&](int y) { return between.pixels[at(between, x, y, c)]; });
      for (int y = 0; y < height; ++y)
        out.pixels[at(out, x, y, c)] = column[static_cast<std::size_t>(y)];
    }
  }
  return out;
}

// Widths around what a vector holds, bright pixels beside black ones.
TEST(Resample, IsTheRuleBitForBitOnEveryInstructionSet) {
  struct Case {
    int in_width, in_height, width, height;
  };
  const Case cases[] = {{1, 1, 9, 9},    {5, 6, 3, 11},   {16, 5, 7, 4},   {23, 9, 22, 8},
                        {40, 31, 13, 5}, {65, 12, 33, 7}, {97, 10, 96, 9}, {130, 33, 17, 32},
                        {200, 3, 5, 2},  {31, 64, 70, 6}, {12, 12, 48, 48}};
  for (const Case& c : cases) {
    for (int channels = 1; channels <= 4; ++channels) {
      Picture in = noise(c.in_width, c.in_height, channels);
      for (std::size_t i = 0; i < in.pixels.size(); i += 3) in.pixels[i] = i % 2 == 0 ? 255 : 0;
      const Picture expected = rule(in, c.width, c.height);
      for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
        hwy::SetSupportedTargetsForTest(targets & -targets);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
        EXPECT_EQ(resized(in, c.width, c.height).pixels, expected.pixels)
            << hwy::TargetName(targets & -targets) << ", " << channels << " channels, "
            << c.in_width << "x" << c.in_height << " to " << c.width << "x" << c.height;
        hwy::SetSupportedTargetsForTest(0);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
      }
    }
  }
}

// 22-bit weights that sum to a little more than 1 must not turn white into black.
TEST(Resample, ExtremesStayWhatTheyAre) {
  for (const int size : {2, 3, 7, 100, 333, 1000}) {
    Picture white{size, size, 1,
                  std::vector<std::uint8_t>(static_cast<std::size_t>(size * size), 255)};
    for (const std::uint8_t pixel : resized(white, 37, 41).pixels) ASSERT_EQ(pixel, 255) << size;
    Picture black{size, size, 1,
                  std::vector<std::uint8_t>(static_cast<std::size_t>(size * size), 0)};
    for (const std::uint8_t pixel : resized(black, 37, 41).pixels) ASSERT_EQ(pixel, 0) << size;
  }
}

TEST(Resample, SameSizeIsACopy) {
  const Picture in = noise(19, 7, 3);
  EXPECT_EQ(resized(in, 19, 7).pixels, in.pixels);
}

// Video frames have padded rows; a letterbox is written into a larger picture.
TEST(Resample, KeepsToItsRows) {
  const Picture tight = noise(20, 10, 3);
  std::vector<std::uint8_t> padded(10 * 64, 200);
  for (int y = 0; y < 10; ++y)
    std::copy_n(tight.pixels.begin() + y * 60, 60, padded.begin() + y * 64);
  for (const auto& [width, height] : {std::pair{8, 6}, {20, 6}, {8, 10}, {20, 10}}) {
    const Picture expected = resized(tight, width, height);
    std::vector<std::uint8_t> out(static_cast<std::size_t>(height * 100), 9);
    Resampler(20, 10, width, height, 3).run({padded.data(), 20, 10, 3, 64}, out.data(), 100);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < 100; ++x) {
        const std::uint8_t pixel = out[static_cast<std::size_t>(y * 100 + x)];
        ASSERT_EQ(pixel,
                  x < width * 3 ? expected.pixels[static_cast<std::size_t>(y * width * 3 + x)] : 9);
      }
    }
  }
}

TEST(Resample, AWindowIsThatPartOfTheWhole) {
  const Picture in = noise(30, 20, 3);
  for (const auto& [width, height] : {std::pair{11, 13}, {30, 13}, {11, 20}, {30, 20}, {45, 50}}) {
    const Picture whole = resized(in, width, height);
    const PixelWindow window{3, 4, width - 5, height - 9};
    Resampler resampler(30, 20, width, height, 3, window);
    EXPECT_TRUE(resampler.fits(in.view(), width, height, window));
    EXPECT_FALSE(resampler.fits(in.view(), width, height));
    std::vector<std::uint8_t> out(static_cast<std::size_t>(window.width * window.height * 3));
    resampler.run(in.view(), out.data(), window.width * 3);
    for (int y = 0; y < window.height; ++y) {
      const auto row = out.begin() + y * window.width * 3;
      ASSERT_TRUE(
          std::equal(row, row + window.width * 3, whole.pixels.begin() + ((y + 4) * width + 3) * 3))
          << width << "x" << height << " row " << y;
    }
  }
}

TEST(Resample, OneResamplerServesManyFrames) {
  Resampler resampler(30, 20, 11, 13, 3);
  for (int seed = 0; seed < 3; ++seed) {
    Picture in = noise(30, 20, 3);
    for (std::uint8_t& pixel : in.pixels) pixel = static_cast<std::uint8_t>(pixel * (seed + 1));
    ASSERT_TRUE(resampler.fits(in.view(), 11, 13));
    std::vector<std::uint8_t> out(11 * 13 * 3);
    resampler.run(in.view(), out.data(), 33);
    EXPECT_EQ(out, resized(in, 11, 13).pixels);
  }
  EXPECT_FALSE(resampler.fits(noise(30, 21, 3).view(), 11, 13));
  EXPECT_FALSE(resampler.fits(noise(30, 20, 1).view(), 11, 13));
}

}  // namespace
}  // namespace quant
