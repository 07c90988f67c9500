// SPDX-License-Identifier: MIT
// Conv2d, ConvTranspose2d and make_fully_connected, bit for bit, in all combinations of types.
#include <gtest/gtest.h>

#include "convolution_case.h"
#include "quant/kernels/integer/matmul.h"

namespace quant::integer {
namespace {

TEST(Conv2d, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(seed);
    check<Conv2d, Conv2dSpec>(random_case(random, false, false), false);
  }
}

TEST(Conv2d, DepthwiseEqualsTheOracle) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(1000 + seed);
    check<Conv2d, Conv2dSpec>(random_case(random, false, true), false);
  }
}

TEST(ConvTranspose2d, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(2000 + seed);
    check<ConvTranspose2d, ConvTranspose2dSpec>(random_case(random, true, seed % 4 == 0), true);
  }
}

// The shapes that networks are made of, each with its own path or its own remainder.
TEST(Conv2d, TypicalLayersEqualTheOracle) {
  struct Layer {
    std::int64_t size, in_c, out_c, kernel, stride, groups;
  };
  const Layer layers[] = {{18, 3, 16, 3, 2, 1},   {16, 1, 24, 3, 1, 1},  {12, 16, 32, 1, 1, 1},
                          {12, 33, 31, 1, 1, 1},  {10, 64, 64, 3, 1, 1}, {11, 32, 32, 3, 1, 32},
                          {11, 40, 40, 5, 2, 40}, {9, 24, 48, 3, 1, 24}, {8, 64, 32, 1, 2, 4},
                          {7, 256, 17, 1, 1, 1},  {1, 300, 100, 1, 1, 1}};
  std::uint32_t seed = 3000;
  for (const Layer& layer : layers) {
    oracle::Random random(seed++);
    Case c;
    Conv2dShape& s = c.shape;
    s.in_h = s.in_w = layer.size;
    s.in_c = layer.in_c;
    s.out_c = layer.out_c;
    s.kernel_h = s.kernel_w = layer.kernel;
    s.stride_h = s.stride_w = layer.stride;
    s.pad_top = s.pad_left = layer.kernel / 2;
    s.groups = layer.groups;
    s.out_h = s.out_w = (layer.size - 1) / layer.stride + 1;
    fill(c, random);
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

// With few outputs, neighbouring pixels are computed as channels of one where rows are long enough.
TEST(Conv2d, FewOutputsOfLongRowsEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(3500 + seed);
    Case c;
    if (random.chance(70)) {
      c.input_type = random.activation();
      c.weight_type = random.chance(50) ? DataType::kInt8 : DataType::kInt16;
      c.output_type = random.activation();
    }
    Conv2dShape& s = c.shape;
    s.batch = random.in(1, 2);
    s.in_c = random.in(1, 9);
    s.out_c = random.in(1, 9);
    s.kernel_h = random.in(1, 3);
    s.kernel_w = random.in(1, 5);
    s.stride_w = random.in(1, 3);
    s.stride_h = random.in(1, 2);
    s.pad_top = random.in(0, 1);
    s.pad_left = random.in(0, 3);
    s.in_h = random.in(3, 5);
    s.out_h = (s.in_h + 2 * s.pad_top - s.kernel_h) / s.stride_h + 1;
    s.out_w = random.chance(80) ? 16 * random.in(1, 9) : random.in(30, 100);
    // Up to three columns of padding at the end.
    s.in_w = (s.out_w - 1) * s.stride_w + s.kernel_w - s.pad_left - random.in(0, 3);
    fill(c, random);
    if (random.chance(70)) c.pixel_stride = 0;
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

// Long and high images are read in several windows, some of which touch borders and some do not,
// and end anywhere.
void check_large(std::uint32_t seed, bool transposed) {
  SCOPED_TRACE(seed);
  oracle::Random random(seed);
  Case c;
  if (random.chance(50)) {
    c.input_type = random.activation();
    c.weight_type = random.chance(50) ? DataType::kInt8 : DataType::kInt16;
    c.output_type = random.activation();
  }
  Conv2dShape& s = c.shape;
  s.groups = random.chance(80) ? 1 : 2;
  s.in_c = s.groups * random.in(4, 20);
  s.out_c = s.groups * random.in(1, 3);
  s.kernel_h = random.in(1, 3);
  s.kernel_w = random.in(1, 3);
  s.stride_h = random.in(1, 2);
  s.stride_w = random.in(1, 2);
  s.dilation_h = random.in(1, 3);
  s.dilation_w = random.in(1, 3);
  s.pad_top = random.in(0, 3);
  s.pad_left = random.in(0, 3);
  const bool high = random.chance(50);
  s.in_h = high ? random.in(300, 900) : random.in(2, 5);
  s.in_w = high ? random.in(2, 9) : random.in(900, 1500);
  const auto out = [&](std::int64_t in, std::int64_t stride, std::int64_t reach) {
    const std::int64_t size = transposed ? (in - 1) * stride + reach : (in - reach) / stride + 1;
    return std::max<std::int64_t>(1, size + random.in(0, 3));
  };
  s.out_h = out(s.in_h, s.stride_h, (s.kernel_h - 1) * s.dilation_h + 1);
  s.out_w = out(s.in_w, s.stride_w, (s.kernel_w - 1) * s.dilation_w + 1);
  fill(c, random);
  if (transposed) {
    check<ConvTranspose2d, ConvTranspose2dSpec>(c, true);
  } else {
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

// As many outputs as a tile may be wide, and one more or less, by as many pixels as are taken at a
// time.
TEST(Conv2d, TilesOfEveryWidthEqualTheOracle) {
  oracle::Random random(4600);
  for (const std::int64_t outputs : {1, 4, 7, 8, 9, 16, 17, 23, 24, 25, 31, 32, 33, 47, 56, 58}) {
    for (const std::int64_t pixels : {1, 5, 6, 7, 12, 15, 31}) {
      Case c;
      if (random.chance(50)) {
        c.input_type = random.chance(80) ? DataType::kUint16 : DataType::kUint8;
        c.weight_type = random.chance(50) ? DataType::kInt16 : DataType::kInt8;
        c.output_type = DataType::kUint16;
      }
      Conv2dShape& s = c.shape;
      s.in_w = s.out_w = pixels;
      s.in_c = random.in(1, 40);
      s.out_c = outputs;
      if (random.chance(50)) {
        s.kernel_h = s.kernel_w = 3;
        s.pad_top = s.pad_left = 1;
        s.in_h = s.out_h = 2;
      }
      fill(c, random);
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

TEST(Conv2d, LargeImagesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) check_large(7000 + seed, false);
}

TEST(ConvTranspose2d, LargeImagesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 15; ++seed) check_large(7100 + seed, true);
}

// 3×3 with stride 1 and whole units of 16 channels are computed two rows at a time: odd and even
// heights, rows that end inside a vector, channels of which a vector holds a part or several
// pixels, padding wider than the image, one band of pairs for a thread and several.
TEST(Conv2d, DepthwiseInPairsOfRowsEqualsTheOracle) {
  for (std::uint32_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(1500 + seed);
    Case c;
    Conv2dShape& s = c.shape;
    s.batch = random.in(1, 2);
    s.groups = s.in_c = s.out_c = 16 * random.in(1, random.chance(30) ? 12 : 4);
    s.kernel_h = s.kernel_w = 3;
    s.pad_top = random.in(0, 3);
    s.pad_left = random.in(0, 3);
    s.in_h = random.in(1, random.chance(20) ? 60 : 7);
    s.in_w = random.in(1, 19);
    // Up to three rows and columns of padding at the end.
    s.out_h = std::max<std::int64_t>(1, s.in_h + s.pad_top - 2 + random.in(0, 3));
    s.out_w = std::max<std::int64_t>(1, s.in_w + s.pad_left - 2 + random.in(0, 3));
    fill(c, random);
    if (random.chance(80)) c.pixel_stride = 0;
    c.outputs.resize(1);
    c.output_scales.resize(1);
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

// Guards against instructions that saturate pairs of products in int16 (u8·s8): 2·255·(−128) does.
TEST(Conv2d, ExtremeProductsDoNotSaturate) {
  for (const std::int32_t zero_point : {0, 128, 255}) {
    for (const int weight : {-128, 127}) {
      for (const int activation : {0, 255}) {
        oracle::Random random(4000);
        Case c;
        Conv2dShape& s = c.shape;
        s.in_h = s.in_w = s.out_h = s.out_w = 4;
        s.in_c = 19;
        s.out_c = 21;
        fill(c, random);
        c.weights.assign(c.weights.size(), static_cast<std::int16_t>(weight));
        c.input.assign(c.input.size(), activation);
        c.zero_points = {zero_point};
        c.weight_scales = {1};
        c.input_scale = 1;
        // 19·255·128 / 5000 = 124: the sum lands inside the output's range.
        c.output_scales = {5000};
        c.outputs = {{128, 0, 255}};
        check<Conv2d, Conv2dSpec>(c, false);

        Case d;
        d.shape.groups = d.shape.in_c = d.shape.out_c = 32;
        d.shape.kernel_h = d.shape.kernel_w = 3;
        d.shape.in_h = d.shape.in_w = d.shape.out_h = d.shape.out_w = 5;
        d.shape.pad_top = d.shape.pad_left = 1;
        fill(d, random);
        d.pixel_stride = 0;
        d.weights.assign(d.weights.size(), static_cast<std::int16_t>(weight));
        d.input.assign(d.input.size(), activation);
        d.zero_points = {zero_point};
        d.weight_scales = {1};
        d.input_scale = 1;
        // 9·255·128 / 2400 = 122.
        d.output_scales = {2400};
        d.outputs = {{128, 0, 255}};
        check<Conv2d, Conv2dSpec>(d, false);
      }
    }
  }
}

// Exact ties: multiplier 0.5 and odd sums. Half to even, counted before the zero point is added:
// with an odd zero point a rounding after the addition would go the other way.
TEST(Conv2d, TiesGoToEvenBeforeTheZeroPoint) {
  for (const std::int32_t zero_point : {100, 101}) {
    Case c;
    c.shape.in_w = c.shape.out_w = 60;
    c.weights = {1};
    c.bias = {-30};
    c.zero_points = {0};
    c.weight_scales = {1};
    c.output_scales = {2};
    c.outputs = {{zero_point, 0, 255}};
    for (int q = 0; q < 60; ++q) c.input.push_back(q);
    check<Conv2d, Conv2dSpec>(c, false);
    EXPECT_EQ(expected(c, false, false)[31], zero_point);      // 0.5 → 0
    EXPECT_EQ(expected(c, false, false)[33], zero_point + 2);  // 1.5 → 2
    EXPECT_EQ(expected(c, false, false)[29], zero_point);      // −0.5 → 0
    EXPECT_EQ(expected(c, false, false)[27], zero_point - 2);  // −1.5 → −2
  }
}

// Outputs of the graph may have parameters of their own for each channel; ReLU ranges, too.
TEST(Conv2d, OutputParametersPerChannel) {
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    oracle::Random random(5600);
    Case c;
    c.output_type = type;
    c.shape.in_w = c.shape.out_w = 9;
    c.shape.in_c = 12;
    c.shape.out_c = 37;
    fill(c, random);
    c.outputs.clear();
    c.output_scales.clear();
    for (std::int64_t o = 0; o < c.shape.out_c; ++o) {
      c.output_scales.push_back(c.input_scale * random.real(0.001F, 30.0F));
      c.outputs.push_back(random_range(random, type));
    }
    check<Conv2d, Conv2dSpec>(c, false);
  }
}

// Guards against conversions that overflow: from 1 on a multiplier can carry a sum beyond int32,
// where x86 answers with its least value. With and without, depthwise and not.
TEST(Conv2d, ProductsBeyondInt32AreCut) {
  for (const float output_scale : {1.0F, 0.999F, 1e-4F, 1e-9F, 1e-30F}) {
    for (const std::int64_t groups : {1, 40}) {
      oracle::Random random(5800);
      Case c;
      Conv2dShape& s = c.shape;
      s.in_c = s.out_c = 40;
      s.groups = groups;
      s.kernel_h = s.kernel_w = 3;
      s.in_h = s.in_w = 5;
      s.out_h = s.out_w = 3;
      fill(c, random);
      // Sums of every size, 0 and ±1 among them.
      for (std::size_t i = 0; i < c.weights.size(); ++i) c.weights[i] /= i % 7 == 0 ? 1 : 100;
      c.input_scale = 1;
      c.weight_scales = {1};
      c.output_scales = {output_scale};
      c.outputs = {{100, 3, 250}};
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

TEST(FullyConnected, EqualsTheOracleInBothWeightOrders) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    oracle::Random random(6000 + seed);
    Case c;
    c.shape.in_w = c.shape.out_w = random.in(1, 14);
    c.shape.in_c = random.in(1, 150);
    c.shape.out_c = random.in(2, 50);
    if (random.chance(50)) c.weight_type = DataType::kInt16;
    fill(c, random);
    const auto want = expected(c, false, c.has_16_bits());
    FullyConnectedSpec spec;
    spec.rows = c.shape.in_w;
    spec.inputs = c.shape.in_c;
    spec.outputs = c.shape.out_c;
    spec.weight_type = c.weight_type;
    spec.bias = c.bias;
    spec.input_zero_points = c.zero_points;
    spec.requantization = spec_of(c).requantization;
    spec.output_row_stride = c.pixel_stride;
    std::vector<std::int16_t> transposed(c.weights.size());
    for (std::int64_t o = 0; o < spec.outputs; ++o) {
      for (std::int64_t i = 0; i < spec.inputs; ++i) {
        transposed[static_cast<std::size_t>(i * spec.outputs + o)] =
            c.weights[static_cast<std::size_t>(o * spec.inputs + i)];
      }
    }
    for (const Isa isa : available_isas()) {
      for (const bool flipped : {false, true}) {
        spec.weights_transposed = flipped;
        spec.weights = flipped ? transposed : c.weights;
        const Conv2d kernel = make_fully_connected(spec, isa);
        EXPECT_EQ(base_of(kernel.isa()), base_of(isa));
        if (!c.has_16_bits()) {
          EXPECT_EQ(kernel.isa(), isa);
        }
        for (const int threads : {1, 3}) {
          EXPECT_EQ(oracle::difference(run(kernel, c, want.size(), threads), want), "")
              << to_string(isa) << " seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace quant::integer
