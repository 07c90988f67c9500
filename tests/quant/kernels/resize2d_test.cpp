// SPDX-License-Identifier: MIT
// Resize2d against the rule evaluated per pixel, and the axis tables against figures of the ONNX
// specification.
#include "quant/kernels/integer/resize2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::Pointwise;

std::vector<std::uint8_t> expected(const Resize2dSpec& s, const std::vector<std::uint8_t>& in) {
  using oracle::to_float;
  const ResizeAxis& v = s.vertical;
  const ResizeAxis& h = s.horizontal;
  const auto multiplier = static_cast<float>(double{s.input.scale} / double{s.output_scale});
  std::vector<std::uint8_t> out;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t y = 0; y < v.out_size; ++y) {
      for (std::int64_t x = 0; x < h.out_size; ++x) {
        for (std::int64_t c = 0; c < s.channels; ++c) {
          long double column = 0;
          for (int i = 0; i < v.taps; ++i) {
            const auto vi = static_cast<std::size_t>(y * v.taps + i);
            long double row = 0;
            for (int j = 0; j < h.taps; ++j) {
              const auto hi = static_cast<std::size_t>(x * h.taps + j);
              const std::int64_t at =
                  ((n * v.in_size + v.index[vi]) * h.in_size + h.index[hi]) * s.channels + c;
              const long double term = to_float(
                  static_cast<long double>(in[static_cast<std::size_t>(at)] - s.input.zero_point) *
                  h.weight[hi]);
              row = j == 0 ? term : to_float(row + term);
            }
            const long double term = to_float(row * v.weight[vi]);
            column = i == 0 ? term : to_float(column + term);
          }
          out.push_back(static_cast<std::uint8_t>(oracle::to_output(
              to_float(column * multiplier), s.output.zero_point, s.output.qmin, s.output.qmax)));
        }
      }
    }
  }
  return out;
}

TEST(Resize2d, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    oracle::Random random(seed);
    Resize2dSpec spec;
    spec.batch = random.in(1, 2);
    spec.channels = random.in(1, 40);
    const auto axis = [&] {
      ResizeAxisSpec a;
      a.in_size = random.in(1, 12);
      a.out_size = random.in(1, 25);
      a.scale = static_cast<double>(a.out_size) / static_cast<double>(a.in_size);
      a.mode = static_cast<ResizeMode>(seed % 3);
      a.coordinates = static_cast<ResizeCoordinates>(random.in(0, 4));
      a.rounding = static_cast<NearestRounding>(random.in(0, 3));
      a.exclude_outside = random.chance(30);
      return make_resize_axis(a);
    };
    spec.vertical = axis();
    spec.horizontal = axis();
    spec.input = {random.real(0.01F, 0.1F), random.zero_point()};
    const bool same = random.chance(40);
    spec.output_scale = same ? spec.input.scale : random.real(0.01F, 0.1F);
    spec.output.zero_point = same ? spec.input.zero_point : random.zero_point();
    const auto in = random.activations(spec.batch * spec.vertical.in_size *
                                       spec.horizontal.in_size * spec.channels);
    const auto want = expected(spec, in);
    for (const Isa isa : available_isas()) {
      const Resize2d kernel(spec, isa);
      EXPECT_EQ(kernel.isa(), isa);
      for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        AlignedBuffer scratch(kernel.scratch_bytes(threads));
        oracle::Bytes source(in);
        oracle::Bytes out(static_cast<std::int64_t>(want.size()));
        kernel.run(source.data(), out.data(), scratch.data(), pool);
        EXPECT_EQ(oracle::difference(out.values(), want), "") << to_string(isa) << " seed " << seed;
      }
    }
  }
}

ResizeAxis axis_of(std::int64_t in, std::int64_t out, ResizeMode mode,
                   ResizeCoordinates coordinates,
                   NearestRounding rounding = NearestRounding::kRoundPreferFloor) {
  ResizeAxisSpec spec;
  spec.in_size = in;
  spec.out_size = out;
  spec.scale = static_cast<double>(out) / static_cast<double>(in);
  spec.mode = mode;
  spec.coordinates = coordinates;
  spec.rounding = rounding;
  return make_resize_axis(spec);
}

// Half pixel ×2: output 0 lies at −0.25 (clamped), 1 at 0.25, 2 at 0.75.
TEST(ResizeAxis, LinearHalfPixel) {
  const ResizeAxis axis = axis_of(2, 4, ResizeMode::kLinear, ResizeCoordinates::kHalfPixel);
  EXPECT_EQ(axis.taps, 2);
  EXPECT_THAT(axis.index, ElementsAre(0, 1, 0, 1, 0, 1, 1, 1));
  EXPECT_THAT(axis.weight, ElementsAre(1, 0, 0.75F, 0.25F, 0.25F, 0.75F, 1, 0));
}

TEST(ResizeAxis, LinearAlignCornersMeetsBothEnds) {
  const ResizeAxis axis = axis_of(3, 5, ResizeMode::kLinear, ResizeCoordinates::kAlignCorners);
  EXPECT_THAT(axis.index, ElementsAre(0, 1, 0, 1, 1, 2, 1, 2, 2, 2));
  EXPECT_THAT(axis.weight, ElementsAre(1, 0, 0.5F, 0.5F, 1, 0, 0.5F, 0.5F, 1, 0));
}

// Positions 0, 0.5, 1, 1.5: ties tell the roundings apart.
TEST(ResizeAxis, NearestRoundingOfTies) {
  using enum NearestRounding;
  const auto indices = [](NearestRounding rounding) {
    return axis_of(2, 4, ResizeMode::kNearest, ResizeCoordinates::kAsymmetric, rounding).index;
  };
  EXPECT_THAT(indices(kRoundPreferFloor), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(indices(kRoundPreferCeil), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(indices(kFloor), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(indices(kCeil), ElementsAre(0, 1, 1, 1));
}

// Keys' kernel with a = −0.75 half way between two samples: −3/32, 19/32, 19/32, −3/32.
TEST(ResizeAxis, CubicHalfWay) {
  const ResizeAxis axis = axis_of(8, 4, ResizeMode::kCubic, ResizeCoordinates::kHalfPixel);
  EXPECT_EQ(axis.taps, 4);
  const std::vector<float> second(axis.weight.begin() + 4, axis.weight.begin() + 8);
  EXPECT_THAT(second, Pointwise(FloatEq(), {-0.09375F, 0.59375F, 0.59375F, -0.09375F}));
  EXPECT_THAT(std::vector<std::int32_t>(axis.index.begin() + 4, axis.index.begin() + 8),
              ElementsAre(1, 2, 3, 4));
}

TEST(ResizeAxis, ExcludedOutsideTapsAreRenormalized) {
  ResizeAxisSpec spec;
  spec.in_size = 8;
  spec.out_size = 4;
  spec.scale = 0.5;
  spec.mode = ResizeMode::kCubic;
  spec.exclude_outside = true;
  const ResizeAxis axis = make_resize_axis(spec);
  EXPECT_EQ(axis.weight[0], 0);
  EXPECT_FLOAT_EQ(axis.weight[1] + axis.weight[2] + axis.weight[3], 1);
}

}  // namespace
}  // namespace quant::integer
