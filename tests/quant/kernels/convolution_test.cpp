// SPDX-License-Identifier: MIT
// Conv2d, ConvTranspose2d and make_fully_connected against a scatter-form oracle in 64-bit
// integers, bit for bit, on every instruction set of this machine and with 1, 2 and 3 threads.
#include <gtest/gtest.h>

#include "oracle.h"
#include "quant/kernels/integer/conv2d.h"
#include "quant/kernels/integer/conv_transpose2d.h"
#include "quant/kernels/integer/matmul.h"

namespace quant::integer {
namespace {

struct Case {
  Conv2dShape shape;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias, zero_points;
  std::vector<float> weight_scales;
  float input_scale = 1, output_scale = 1;
  OutputRange output;
  std::int64_t pixel_stride = 0;
  std::vector<std::uint8_t> input;
};

Conv2dSpec spec_of(const Case& c) {
  Conv2dSpec spec;
  spec.shape = c.shape;
  spec.weights = c.weights;
  spec.bias = c.bias;
  spec.input_zero_points = c.zero_points;
  spec.requantization =
      make_requantization(c.input_scale, c.weight_scales, c.output_scale, c.output);
  spec.output_pixel_stride = c.pixel_stride;
  return spec;
}

// Every product goes to the output that it belongs to; bytes between pixels keep their fill.
std::vector<std::uint8_t> expected(const Case& c, bool transposed, bool wide) {
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
  std::vector<std::uint8_t> out(static_cast<std::size_t>(s.batch * s.out_h * s.out_w * stride),
                                0xA5);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t o = i % static_cast<std::size_t>(s.out_c);
    const double scale = c.weight_scales[c.weight_scales.size() == 1 ? 0 : o];
    const double wide_multiplier = double{c.input_scale} * scale / double{c.output_scale};
    const long double t =
        wide ? static_cast<double>(static_cast<long double>(static_cast<double>(sums[i])) *
                                   wide_multiplier)
             : oracle::to_float(static_cast<long double>(static_cast<float>(sums[i])) *
                                static_cast<float>(wide_multiplier));
    out[i / static_cast<std::size_t>(s.out_c) * static_cast<std::size_t>(stride) + o] =
        static_cast<std::uint8_t>(
            oracle::to_output(t, c.output.zero_point, c.output.qmin, c.output.qmax));
  }
  return out;
}

template <typename Kernel>
std::vector<std::uint8_t> run(const Kernel& kernel, const Case& c, std::size_t out_size,
                              int threads) {
  ThreadPool pool(threads);
  AlignedBuffer scratch(kernel.scratch_bytes(threads));
  oracle::Bytes input(c.input);
  oracle::Bytes output(static_cast<std::int64_t>(out_size));
  kernel.run(input.data(), output.data(), scratch.data(), pool);
  return output.values();
}

std::string describe(const Case& c) {
  const Conv2dShape& s = c.shape;
  const auto text = [](std::int64_t value) { return std::to_string(value) + " "; };
  return "batch " + text(s.batch) + "in " + text(s.in_h) + text(s.in_w) + text(s.in_c) + "out " +
         text(s.out_h) + text(s.out_w) + text(s.out_c) + "kernel " + text(s.kernel_h) +
         text(s.kernel_w) + "stride " + text(s.stride_h) + text(s.stride_w) + "dilation " +
         text(s.dilation_h) + text(s.dilation_w) + "pad " + text(s.pad_top) + text(s.pad_left) +
         "groups " + text(s.groups);
}

template <typename Kernel, typename Spec>
void check(const Case& c, bool transposed, bool wide = false) {
  SCOPED_TRACE(describe(c));
  const auto want = expected(c, transposed, wide);
  Spec spec;
  static_cast<Conv2dSpec&>(spec) = spec_of(c);
  for (const Isa isa : available_isas()) {
    const Kernel kernel(spec, isa);
    EXPECT_EQ(kernel.wide_accumulator(), wide);
    EXPECT_EQ(kernel.isa(), wide ? Isa::kRef : isa);
    for (const int threads : {1, 2, 3}) {
      EXPECT_EQ(oracle::difference(run(kernel, c, want.size(), threads), want), "")
          << to_string(isa) << ", " << threads << " threads";
    }
  }
}

void fill(Case& c, oracle::Random& random) {
  Conv2dShape& s = c.shape;
  const std::int64_t per_group = s.in_c / s.groups * s.kernel_h * s.kernel_w;
  c.weights = random.weights(s.out_c * per_group);
  if (random.chance(80)) c.bias = random.vector<std::int32_t>(s.out_c, -50000, 50000);
  c.zero_points = random.chance(50) ? std::vector<std::int32_t>{random.zero_point()}
                                    : random.vector<std::int32_t>(s.in_c, 0, 255);
  c.input_scale = random.real(0.001F, 0.1F);
  c.output_scale =
      c.input_scale * std::sqrt(static_cast<float>(per_group)) * random.real(0.3F, 3.0F);
  const std::int64_t scales = random.chance(70) ? s.out_c : 1;
  for (std::int64_t i = 0; i < scales; ++i) c.weight_scales.push_back(random.real(0.005F, 0.02F));
  c.output.zero_point = random.zero_point();
  if (random.chance(50)) {
    c.output.qmin = c.output.zero_point;
    c.output.qmax = static_cast<std::int32_t>(random.in(c.output.qmin, 255));
  }
  if (random.chance(30)) c.pixel_stride = s.out_c + random.in(1, 40);
  c.input = random.activations(s.batch * s.in_h * s.in_w * s.in_c);
}

Case random_case(oracle::Random& random, bool transposed, bool depthwise) {
  Case c;
  Conv2dShape& s = c.shape;
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
        c.weights.assign(c.weights.size(), static_cast<std::int8_t>(weight));
        c.input.assign(c.input.size(), static_cast<std::uint8_t>(activation));
        c.zero_points = {zero_point};
        c.weight_scales = {1};
        c.input_scale = 1;
        c.output_scale = 5000;  // 19·255·128 / 5000 = 124: the sum lands inside the output's range
        c.output = {128, 0, 255};
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
    c.output_scale = 2;
    c.output = {zero_point, 0, 255};
    for (int q = 0; q < 60; ++q) c.input.push_back(static_cast<std::uint8_t>(q));
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
  c.output_scale = 3e7F;
  c.output = {77, 0, 255};
  check<Conv2d, Conv2dSpec>(c, false, true);
  c.shape.out_w = 3;
  ConvTranspose2dSpec spec;
  static_cast<Conv2dSpec&>(spec) = spec_of(c);
  EXPECT_TRUE(ConvTranspose2d(spec, available_isas().front()).wide_accumulator());
}

TEST(FullyConnected, EqualsTheOracleInBothWeightOrders) {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    oracle::Random random(6000 + seed);
    Case c;
    c.shape.in_w = c.shape.out_w = random.in(1, 14);
    c.shape.in_c = random.in(1, 150);
    c.shape.out_c = random.in(1, 50);
    fill(c, random);
    const auto want = expected(c, false, false);
    FullyConnectedSpec spec;
    spec.rows = c.shape.in_w;
    spec.inputs = c.shape.in_c;
    spec.outputs = c.shape.out_c;
    spec.bias = c.bias;
    spec.input_zero_points = c.zero_points;
    spec.requantization = spec_of(c).requantization;
    spec.output_row_stride = c.pixel_stride;
    std::vector<std::int8_t> transposed(c.weights.size());
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
        EXPECT_EQ(kernel.isa(), isa);
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
