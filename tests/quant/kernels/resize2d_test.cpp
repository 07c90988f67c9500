// SPDX-License-Identifier: MIT
// Resize2d against the rule evaluated per pixel, and the axis tables against figures of the ONNX
// specification.
#include "quant/kernels/integer/resize2d.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::Pointwise;

Levels expected(const Resize2dSpec& s, const Levels& in) {
  using oracle::Exact;
  const bool wide = oracle::any_wide(s.input_type, s.output_type);
  const auto round = [&](Exact value) { return oracle::rounded(value, wide); };
  const ResizeAxis& v = s.vertical;
  const ResizeAxis& h = s.horizontal;
  const Exact multiplier = round(double{s.input.scale} / double{s.output_scale});
  Levels out;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t y = 0; y < v.out_size; ++y) {
      for (std::int64_t x = 0; x < h.out_size; ++x) {
        for (std::int64_t c = 0; c < s.channels; ++c) {
          Exact column = 0;
          for (int i = 0; i < v.taps; ++i) {
            const auto vi = static_cast<std::size_t>(y * v.taps + i);
            Exact row = 0;
            for (int j = 0; j < h.taps; ++j) {
              const auto hi = static_cast<std::size_t>(x * h.taps + j);
              const std::int64_t at =
                  ((n * v.in_size + v.index[vi]) * h.in_size + h.index[hi]) * s.channels + c;
              const Exact q = in[static_cast<std::size_t>(at)] - s.input.zero_point;
              const Exact term = round(q * round(h.weight[hi]));
              row = j == 0 ? term : round(row + term);
            }
            const Exact term = round(row * round(v.weight[vi]));
            column = i == 0 ? term : round(column + term);
          }
          out.push_back(oracle::to_output(round(column * multiplier), s.output.zero_point,
                                          s.output.qmin, s.output.qmax));
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
    const bool same = random.chance(40);
    if (random.chance(60)) {
      spec.input_type = random.activation();
      spec.output_type = same ? spec.input_type : random.activation();
    }
    const std::int32_t highest = oracle::greatest(spec.output_type);
    spec.input = {random.real(0.01F, 0.1F), random.zero_point(spec.input_type)};
    spec.output_scale = same ? spec.input.scale
                             : random.real(0.01F, 0.1F) *
                                   static_cast<float>(oracle::greatest(spec.input_type)) /
                                   static_cast<float>(highest);
    spec.output = {same ? spec.input.zero_point : random.zero_point(spec.output_type), 0, highest};
    const Levels in = random.activations(
        spec.batch * spec.vertical.in_size * spec.horizontal.in_size * spec.channels,
        spec.input_type);
    const Levels want = expected(spec, in);
    for (const Isa isa : available_isas()) {
      const Resize2d kernel(spec, isa);
      EXPECT_EQ(kernel.isa(), spec.input_type == spec.output_type ? isa : Isa::kRef);
      for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        AlignedBuffer scratch(kernel.scratch_bytes(threads));
        oracle::Elements source(spec.input_type, in);
        oracle::Elements out(spec.output_type, static_cast<std::int64_t>(want.size()));
        kernel.run(source.data(), out.data(), scratch.data(), pool);
        EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa) << " seed " << seed;
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
  const std::vector<double> second(axis.weight.begin() + 4, axis.weight.begin() + 8);
  EXPECT_THAT(second, Pointwise(DoubleEq(), {-0.09375, 0.59375, 0.59375, -0.09375}));
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
  EXPECT_DOUBLE_EQ(axis.weight[1] + axis.weight[2] + axis.weight[3], 1);
}

}  // namespace
}  // namespace quant::integer
