// SPDX-License-Identifier: MIT
// Conv2d, ConvTranspose2d and make_fully_connected against a scatter-form oracle in 64-bit
// integers, bit for bit, in all combinations of types, on every instruction set of this machine and
// with 1, 2 and 3 threads.
#include <gtest/gtest.h>

#include "oracle.h"
#include "quant/kernels/integer/conv2d.h"
#include "quant/kernels/integer/conv_transpose2d.h"
#include "quant/kernels/integer/matmul.h"

namespace quant::integer {
namespace {

using oracle::Levels;

struct Case {
  Conv2dShape shape;
  DataType input_type = DataType::kUint8;
  DataType weight_type = DataType::kInt8;
  DataType output_type = DataType::kUint8;
  std::vector<std::int16_t> weights;
  std::vector<std::int64_t> bias;
  std::vector<std::int32_t> zero_points;
  std::vector<float> weight_scales, output_scales{1};
  float input_scale = 1;
  std::vector<OutputRange> outputs{OutputRange{}};
  std::int64_t pixel_stride = 0;
  Levels input;

  bool has_16_bits() const { return oracle::any_wide(input_type, weight_type, output_type); }
  bool depthwise() const { return shape.in_c == shape.groups && shape.out_c == shape.groups; }
};

Conv2dSpec spec_of(const Case& c) {
  Conv2dSpec spec;
  spec.shape = c.shape;
  spec.input_type = c.input_type;
  spec.weight_type = c.weight_type;
  spec.output_type = c.output_type;
  spec.weights = c.weights;
  spec.bias = c.bias;
  spec.input_zero_points = c.zero_points;
  spec.requantization =
      make_requantization(c.input_scale, c.weight_scales, c.output_scales, c.outputs);
  spec.output_pixel_stride = c.pixel_stride;
  return spec;
}

// Every product goes to the output that it belongs to; elements between pixels keep their fill.
Levels expected(const Case& c, bool transposed, bool wide) {
  const Conv2dShape& s = c.shape;
  const std::int64_t in_per_group = s.in_c / s.groups;
  const std::int64_t out_per_group = s.out_c / s.groups;
  const std::int64_t stride = c.pixel_stride == 0 ? s.out_c : c.pixel_stride;
  std::vector<std::int64_t> sums(static_cast<std::size_t>(s.batch * s.out_h * s.out_w * s.out_c));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = c.bias.empty() ? 0 : c.bias[i % static_cast<std::size_t>(s.out_c)];
  }
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t g = 0; g < s.groups; ++g) {
      for (std::int64_t i = 0; i < s.kernel_h; ++i) {
        for (std::int64_t j = 0; j < s.kernel_w; ++j) {
          for (std::int64_t y = 0; y < (transposed ? s.in_h : s.out_h); ++y) {
            for (std::int64_t x = 0; x < (transposed ? s.in_w : s.out_w); ++x) {
              const std::int64_t other_y = y * s.stride_h - s.pad_top + i * s.dilation_h;
              const std::int64_t other_x = x * s.stride_w - s.pad_left + j * s.dilation_w;
              const std::int64_t in_y = transposed ? y : other_y;
              const std::int64_t in_x = transposed ? x : other_x;
              const std::int64_t out_y = transposed ? other_y : y;
              const std::int64_t out_x = transposed ? other_x : x;
              if (in_y < 0 || in_y >= s.in_h || in_x < 0 || in_x >= s.in_w) continue;
              if (out_y < 0 || out_y >= s.out_h || out_x < 0 || out_x >= s.out_w) continue;
              for (std::int64_t a = 0; a < in_per_group; ++a) {
                const std::int64_t channel = g * in_per_group + a;
                const std::int64_t zp =
                    c.zero_points[c.zero_points.size() == 1 ? 0
                                                            : static_cast<std::size_t>(channel)];
                const std::int64_t q = c.input[static_cast<std::size_t>(
                    ((n * s.in_h + in_y) * s.in_w + in_x) * s.in_c + channel)];
                for (std::int64_t b = 0; b < out_per_group; ++b) {
                  const std::int64_t o = g * out_per_group + b;
                  const std::int64_t at =
                      transposed ? ((channel * out_per_group + b) * s.kernel_h + i) * s.kernel_w + j
                                 : ((o * in_per_group + a) * s.kernel_h + i) * s.kernel_w + j;
                  sums[static_cast<std::size_t>(
                      ((n * s.out_h + out_y) * s.out_w + out_x) * s.out_c + o)] +=
                      (q - zp) * c.weights[static_cast<std::size_t>(at)];
                }
              }
            }
          }
        }
      }
    }
  }
  Levels out(static_cast<std::size_t>(s.batch * s.out_h * s.out_w * stride),
             oracle::Elements::kFill);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % static_cast<std::size_t>(s.out_c);
    const auto of = [&](const auto& values) { return values[values.size() == 1 ? 0 : o]; };
    const double multiplier =
        double{c.input_scale} * double{of(c.weight_scales)} / double{of(c.output_scales)};
    const oracle::Exact t =
        oracle::rounded(oracle::rounded(sums[i], wide) * oracle::rounded(multiplier, wide), wide);
    const OutputRange range = of(c.outputs);
    out[i / static_cast<std::size_t>(s.out_c) * static_cast<std::size_t>(stride) + o] =
        oracle::to_output(t, range.zero_point, range.qmin, range.qmax);
  }
  return out;
}

template <typename Kernel>
Levels run(const Kernel& kernel, const Case& c, std::size_t out_size, int threads) {
  ThreadPool pool(threads);
  AlignedBuffer scratch(kernel.scratch_bytes(threads));
  oracle::Elements input(c.input_type, c.input);
  oracle::Elements output(c.output_type, static_cast<std::int64_t>(out_size));
  kernel.run(input.data(), output.data(), scratch.data(), pool);
  return output.levels();
}

std::string describe(const Case& c) {
  const Conv2dShape& s = c.shape;
  const auto text = [](std::int64_t value) { return std::to_string(value) + " "; };
  return "batch " + text(s.batch) + "in " + text(s.in_h) + text(s.in_w) + text(s.in_c) + "out " +
         text(s.out_h) + text(s.out_w) + text(s.out_c) + "kernel " + text(s.kernel_h) +
         text(s.kernel_w) + "stride " + text(s.stride_h) + text(s.stride_w) + "dilation " +
         text(s.dilation_h) + text(s.dilation_w) + "pad " + text(s.pad_top) + text(s.pad_left) +
         "groups " + text(s.groups) + to_string(c.input_type) + " " + to_string(c.weight_type) +
         " " + to_string(c.output_type);
}

// `wide_sums`: that int32 is not proved to hold the sums; `scalar`: nor float64.
template <typename Kernel, typename Spec>
void check(const Case& c, bool transposed, bool wide_sums = false, bool scalar = false) {
  SCOPED_TRACE(describe(c));
  const bool wide = c.has_16_bits() || wide_sums;
  scalar = scalar || (c.depthwise() && !wide && c.outputs.size() > 1);
  const Levels want = expected(c, transposed, wide);
  Spec spec;
  static_cast<Conv2dSpec&>(spec) = spec_of(c);
  for (const Isa isa : available_isas()) {
    const Kernel kernel(spec, isa);
    EXPECT_EQ(kernel.wide(), wide);
    EXPECT_EQ(base_of(kernel.isa()), scalar ? Isa::kRef : base_of(isa));
    if (!wide && !scalar) {
      EXPECT_EQ(kernel.isa(), isa);
    }
    for (const int threads : {1, 2, 3}) {
      EXPECT_EQ(oracle::difference(run(kernel, c, want.size(), threads), want), "")
          << to_string(isa) << ", " << threads << " threads";
    }
  }
}

OutputRange random_range(oracle::Random& random, DataType type) {
  OutputRange range{random.zero_point(type), 0, oracle::greatest(type)};
  if (random.chance(50)) {
    range.qmin = range.zero_point;
    range.qmax = static_cast<std::int32_t>(random.in(range.qmin, range.qmax));
  }
  return range;
}

// All but shape and types.
void fill(Case& c, oracle::Random& random) {
  Conv2dShape& s = c.shape;
  const std::int64_t per_group = s.in_c / s.groups * s.kernel_h * s.kernel_w;
  const bool wide_weights = c.weight_type == DataType::kInt16;
  c.weights = random.weights(s.out_c * per_group, c.weight_type);
  std::int64_t most_bias = 50000;
  if (c.input_type == DataType::kUint16) most_bias *= 256;
  if (wide_weights) most_bias *= 256;
  if (random.chance(80)) c.bias = random.vector<std::int64_t>(s.out_c, -most_bias, most_bias);
  c.zero_points = random.chance(50)
                      ? Levels{random.zero_point(c.input_type)}
                      : random.vector<std::int32_t>(s.in_c, 0, oracle::greatest(c.input_type));
  c.input_scale = random.real(0.001F, 0.1F);
  const float steps = static_cast<float>(oracle::greatest(c.input_type)) /
                      static_cast<float>(oracle::greatest(c.output_type));
  const std::int64_t scales = random.chance(70) ? s.out_c : 1;
  for (std::int64_t i = 0; i < scales; ++i) {
    c.weight_scales.push_back(random.real(0.005F, 0.02F) * (wide_weights ? 1.0F / 256 : 1.0F));
  }
  c.outputs.clear();
  c.output_scales.clear();
  const std::int64_t outputs = random.chance(25) ? s.out_c : 1;
  for (std::int64_t i = 0; i < outputs; ++i) {
    c.output_scales.push_back(c.input_scale * steps * std::sqrt(static_cast<float>(per_group)) *
                              random.real(0.3F, 3.0F));
    c.outputs.push_back(random_range(random, c.output_type));
  }
  if (random.chance(30)) c.pixel_stride = s.out_c + random.in(1, 40);
  c.input = random.activations(s.batch * s.in_h * s.in_w * s.in_c, c.input_type);
}

Case random_case(oracle::Random& random, bool transposed, bool depthwise) {
  Case c;
  Conv2dShape& s = c.shape;
  if (random.chance(50)) {
    c.input_type = random.activation();
    c.weight_type = random.chance(50) ? DataType::kInt8 : DataType::kInt16;
    c.output_type = random.activation();
  }
  s.batch = random.in(1, 2);
  s.groups = random.chance(70) ? 1 : random.in(2, 4);
  s.in_c = s.groups * random.in(1, random.chance(30) ? 70 : 9);
  s.out_c = s.groups * random.in(1, random.chance(30) ? 70 : 20);
  if (depthwise) s.groups = s.in_c = s.out_c = random.in(1, 70);
  s.kernel_h = random.in(1, 4);
  s.kernel_w = random.in(1, 4);
  s.stride_h = random.in(1, 3);
  s.stride_w = random.in(1, 3);
  s.dilation_h = random.in(1, 2);
  s.dilation_w = random.in(1, 2);
  s.pad_top = random.in(0, 3);
  s.pad_left = random.in(0, 3);
  s.in_h = random.in(1, 9);
  s.in_w = random.in(1, 13);
  const std::int64_t reach_h = (s.kernel_h - 1) * s.dilation_h + 1;
  const std::int64_t reach_w = (s.kernel_w - 1) * s.dilation_w + 1;
  if (transposed) {
    s.out_h = std::max<std::int64_t>(
        1, (s.in_h - 1) * s.stride_h + reach_h - 2 * s.pad_top + random.in(0, 2));
    s.out_w = std::max<std::int64_t>(
        1, (s.in_w - 1) * s.stride_w + reach_w - 2 * s.pad_left + random.in(0, 2));
  } else {
    // Up to two outputs more than an even padding gives: end padding may be larger.
    s.out_h = std::max<std::int64_t>(
        1, (s.in_h + 2 * s.pad_top - reach_h) / s.stride_h + 1 + random.in(0, 2));
    s.out_w = std::max<std::int64_t>(
        1, (s.in_w + 2 * s.pad_left - reach_w) / s.stride_w + 1 + random.in(0, 2));
  }
  fill(c, random);
  return c;
}

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

// Widths of vectors, what is left behind them, and as many taps as int32 holds the sums of, or
// more; every sum as far from zero as it gets.
TEST(Conv2d, DepthwiseOfSixteenBitsEqualsTheOracle) {
  oracle::Random random(1900);
  for (const std::int64_t channels : {1, 7, 8, 9, 12, 16, 24, 31, 32, 33, 58, 100}) {
    for (const std::int64_t kernel : {1, 3, 16, 17}) {
      if (kernel > 3 && channels > 9) continue;
      for (const std::int16_t weight : {std::int16_t{-32768}, std::int16_t{32767}}) {
        Case c;
        Conv2dShape& s = c.shape;
        c.input_type = random.chance(70) ? DataType::kUint16 : DataType::kUint8;
        c.output_type = random.chance(70) ? DataType::kUint16 : DataType::kUint8;
        c.weight_type = DataType::kInt16;
        s.in_c = s.out_c = s.groups = channels;
        s.kernel_h = s.kernel_w = kernel;
        s.pad_top = s.pad_left = kernel / 2;
        s.in_h = s.in_w = s.out_h = s.out_w = 6;
        fill(c, random);
        if (random.chance(50)) {
          c.weights.assign(c.weights.size(), weight);
          c.input.assign(c.input.size(), oracle::greatest(c.input_type));
        }
        check<Conv2d, Conv2dSpec>(c, false);
      }
    }
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

// Sums that may leave int32 are taken in int64 and requantized in double.
TEST(Conv2d, WideAccumulatorWhereInt32MightOverflow) {
  oracle::Random random(5000);
  Case c;
  c.shape.in_w = c.shape.out_w = 3;
  c.shape.in_c = 200;
  c.shape.out_c = 5;
  fill(c, random);
  c.bias = {2147483647, -2147483647 - 1, 2147480000, 0, 5};
  c.zero_points = {0};
  c.weights.assign(c.weights.size(), 127);
  c.input.assign(c.input.size(), 255);
  c.weight_scales = {1};
  c.input_scale = 1;
  c.output_scales = {3e7F};
  c.outputs = {{77, 0, 255}};
  check<Conv2d, Conv2dSpec>(c, false, true);
  c.shape.out_w = 3;
  ConvTranspose2dSpec spec;
  static_cast<Conv2dSpec&>(spec) = spec_of(c);
  EXPECT_TRUE(ConvTranspose2d(spec, available_isas().front()).wide());
}

// Every combination of types on the largest sums that they can make: K·(2^16 − 1)·2^15 from one
// side, the same from the other.
TEST(Conv2d, ExtremeProductsOfSixteenBits) {
  for (const DataType input : {DataType::kUint8, DataType::kUint16}) {
    for (const DataType weight : {DataType::kInt8, DataType::kInt16}) {
      for (const DataType output : {DataType::kUint8, DataType::kUint16}) {
        for (const bool upwards : {false, true}) {
          oracle::Random random(4500);
          Case c;
          c.input_type = input;
          c.weight_type = weight;
          c.output_type = output;
          Conv2dShape& s = c.shape;
          s.in_h = s.in_w = s.out_h = s.out_w = 3;
          s.kernel_h = s.kernel_w = 3;
          s.pad_top = s.pad_left = 1;
          s.in_c = 23;
          s.out_c = 19;
          fill(c, random);
          const int least = weight == DataType::kInt16 ? -32768 : -128;
          c.weights.assign(c.weights.size(),
                           static_cast<std::int16_t>(upwards ? -least - 1 : least));
          c.weights[5] = static_cast<std::int16_t>(least / 3);
          c.input.assign(c.input.size(), oracle::greatest(input));
          c.input[7] = 1;
          c.zero_points = {0};
          c.weight_scales = {1};
          c.input_scale = 1;
          // 9·23 products land at a third of the output's range.
          c.output_scales = {3.0F * 207 * static_cast<float>(oracle::greatest(input)) *
                             static_cast<float>(-least) /
                             static_cast<float>(oracle::greatest(output))};
          c.outputs = {{oracle::greatest(output) / 2, 0, oracle::greatest(output)}};
          check<Conv2d, Conv2dSpec>(c, false);
        }
      }
    }
  }
}

// Where a sum of words is taken modulo 2^32 and its carries are estimated from high bytes, the
// estimate is off by the most that a product can make it, one way or the other, in every product:
// for a = 255 (of which the high byte says 0) and w = −32513 (−128·256 + 255), 256·128·255 +
// 255·32513. Lengths around that at which carries are taken over, and some that are not whole
// steps.
TEST(Conv2d, CarriesOfWordsAreTakenOverInTime) {
  oracle::Random random(5050);
  struct Product {
    std::int32_t activation;
    std::int16_t weight;
  };
  for (const Product product : {Product{255, -32513}, Product{65535, 32767}, Product{0, 32767},
                                Product{0, -32513}, Product{255, 255}}) {
    for (const std::int64_t inputs : {1, 3, 127, 128, 129, 255, 256, 260, 1021, 4097}) {
      Case c;
      c.shape.in_w = c.shape.out_w = 13;
      c.shape.in_c = inputs;
      c.shape.out_c = 35;
      c.input_type = c.output_type = DataType::kUint16;
      c.weight_type = DataType::kInt16;
      fill(c, random);
      c.bias.clear();
      c.zero_points = {0};
      c.pixel_stride = 0;
      c.weights.assign(c.weights.size(), product.weight);
      c.input.assign(c.input.size(), product.activation);
      // Not all the same, so that a pixel or channel that is taken for another shows.
      for (std::size_t i = 0; i < c.input.size(); i += 11) c.input[i] ^= 1;
      for (std::size_t i = 0; i < c.weights.size(); i += 13) c.weights[i] ^= 2;
      c.weight_scales = {1};
      c.input_scale = 1;
      // Sums end inside the output's range, and 2^32 away from where they belong leave it or move
      // far.
      c.output_scales = {static_cast<float>(std::max<double>(
          inputs, std::abs(double(inputs) * product.activation * product.weight) / 25000))};
      c.outputs = {{30000, 0, 65535}};
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

// Where the products of bytes are summed in int32, 32768 of the greatest just fit; more are summed
// otherwise.
TEST(Conv2d, SumsOfBytesOfLongRowsOfWordsFit) {
  oracle::Random random(5100);
  for (const std::int64_t inputs : {32768, 32772}) {
    for (const std::int16_t weight :
         {std::int16_t{-32768}, std::int16_t{32767}, std::int16_t{-129}}) {
      Case c;
      c.shape.in_w = c.shape.out_w = 2;
      c.shape.in_c = inputs;
      c.shape.out_c = 3;
      c.input_type = c.output_type = DataType::kUint16;
      c.weight_type = DataType::kInt16;
      fill(c, random);
      c.bias.clear();
      c.zero_points = {0};
      c.weights.assign(c.weights.size(), weight);
      c.input.assign(c.input.size(), 65535);
      c.weight_scales = {1};
      c.input_scale = 1;
      c.output_scales = {3e9F};
      c.outputs = {{40000, 0, 65535}};
      check<Conv2d, Conv2dSpec>(c, false);
    }
  }
}

// A bias that takes the sums past 2^53, which doubles no longer hold: scalar, in int64, and rounded
// once on the way to the double of the rule.
TEST(Conv2d, BeyondFloat64SumsAreScalar) {
  oracle::Random random(5500);
  Case c;
  c.input_type = c.output_type = DataType::kUint16;
  c.weight_type = DataType::kInt16;
  c.shape.in_w = c.shape.out_w = 40;
  c.shape.in_c = 7;
  c.shape.out_c = 4;
  fill(c, random);
  c.bias = {std::int64_t{1} << 53, -(std::int64_t{1} << 53), (std::int64_t{1} << 53) - 1, 0};
  c.zero_points = {0};
  c.weight_scales = {1};
  c.input_scale = 1;
  c.output_scales = {4e11F};  // 2^53 / 4e11 = 22518
  c.outputs = {{30000, 0, 65535}};
  check<Conv2d, Conv2dSpec>(c, false, false, true);
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
