// SPDX-License-Identifier: MIT
// One convolution with its numbers, what a scatter-form oracle in 64-bit integers makes of it, and
// the check that every kernel says the same, on every instruction set of this machine and with 1, 2
// and 3 threads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "oracle.h"
#include "quant/kernels/integer/conv2d.h"
#include "quant/kernels/integer/conv_transpose2d.h"

namespace quant::integer {

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

inline Conv2dSpec spec_of(const Case& c) {
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
inline Levels expected(const Case& c, bool transposed, bool wide) {
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

inline std::string describe(const Case& c) {
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

inline OutputRange random_range(oracle::Random& random, DataType type) {
  OutputRange range{random.zero_point(type), 0, oracle::greatest(type)};
  if (random.chance(50)) {
    range.qmin = range.zero_point;
    range.qmax = static_cast<std::int32_t>(random.in(range.qmin, range.qmax));
  }
  return range;
}

// All but shape and types.
inline void fill(Case& c, oracle::Random& random) {
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

inline Case random_case(oracle::Random& random, bool transposed, bool depthwise) {
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

}  // namespace quant::integer
