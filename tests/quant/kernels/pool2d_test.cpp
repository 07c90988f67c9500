// SPDX-License-Identifier: MIT
// MaxPool2d and AveragePool2d against loops over every kernel index.
#include "quant/kernels/integer/pool2d.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;

Pool2dShape random_shape(oracle::Random& random) {
  Pool2dShape s;
  s.batch = random.in(1, 2);
  s.channels = random.in(1, 70);
  s.in_h = random.in(1, 12);
  s.in_w = random.in(1, 12);
  s.kernel_h = random.in(1, 4);
  s.kernel_w = random.in(1, 4);
  s.stride_h = random.in(1, 3);
  s.stride_w = random.in(1, 3);
  s.dilation_h = random.in(1, 2);
  s.dilation_w = random.in(1, 2);
  // A pad smaller than the kernel leaves a tap inside every window that starts inside the padded
  // image.
  s.pad_top = random.in(0, s.kernel_h - 1) * s.dilation_h;
  s.pad_left = random.in(0, s.kernel_w - 1) * s.dilation_w;
  s.pad_bottom = random.in(0, s.kernel_h - 1);
  s.pad_right = random.in(0, s.kernel_w - 1);
  return s;
}

// Outputs with at least one tap inside, up to one more than floor mode has.
void set_outputs(Pool2dShape& s, oracle::Random& random) {
  const auto outputs = [&](std::int64_t in, std::int64_t kernel, std::int64_t stride,
                           std::int64_t dilation, std::int64_t before, std::int64_t after) {
    const std::int64_t reach = (kernel - 1) * dilation + 1;
    std::int64_t count =
        std::max<std::int64_t>(1, (in + before + after - reach) / stride + 1 + random.in(0, 1));
    const auto covered = [&](std::int64_t index) {
      for (std::int64_t k = 0; k < kernel; ++k) {
        const std::int64_t at = index * stride - before + k * dilation;
        if (at >= 0 && at < in) return true;
      }
      return false;
    };
    while (count > 1 && !covered(count - 1)) --count;
    return count;
  };
  s.out_h = outputs(s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top, s.pad_bottom);
  s.out_w = outputs(s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left, s.pad_right);
}

bool every_window_has_a_tap(const Pool2dShape& s) {
  const auto covered = [](std::int64_t out, std::int64_t in, std::int64_t kernel,
                          std::int64_t stride, std::int64_t dilation, std::int64_t before) {
    for (std::int64_t index = 0; index < out; ++index) {
      bool any = false;
      for (std::int64_t k = 0; k < kernel; ++k) {
        const std::int64_t at = index * stride - before + k * dilation;
        any = any || (at >= 0 && at < in);
      }
      if (!any) return false;
    }
    return true;
  };
  return covered(s.out_h, s.in_h, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top) &&
         covered(s.out_w, s.in_w, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left);
}

// visit(output index, input q or −1 for a tap in the padding or −2 beyond it)
template <typename Visit>
void for_taps(const Pool2dShape& s, const Levels& in, const Visit& visit) {
  std::size_t out = 0;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t y = 0; y < s.out_h; ++y) {
      for (std::int64_t x = 0; x < s.out_w; ++x) {
        for (std::int64_t c = 0; c < s.channels; ++c, ++out) {
          for (std::int64_t i = 0; i < s.kernel_h; ++i) {
            for (std::int64_t j = 0; j < s.kernel_w; ++j) {
              const std::int64_t in_y = y * s.stride_h - s.pad_top + i * s.dilation_h;
              const std::int64_t in_x = x * s.stride_w - s.pad_left + j * s.dilation_w;
              int q = -1;
              if (in_y >= s.in_h + s.pad_bottom || in_x >= s.in_w + s.pad_right) {
                q = -2;
              } else if (in_y >= 0 && in_y < s.in_h && in_x >= 0 && in_x < s.in_w) {
                q = in[static_cast<std::size_t>(((n * s.in_h + in_y) * s.in_w + in_x) * s.channels +
                                                c)];
              }
              visit(out, q);
            }
          }
        }
      }
    }
  }
}

template <typename Kernel>
void check(const Kernel& kernel, DataType input, const Levels& in, DataType output,
           const Levels& want, Isa isa) {
  EXPECT_EQ(kernel.isa(), isa);
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    oracle::Elements source(input, in);
    oracle::Elements out(output, static_cast<std::int64_t>(want.size()));
    AlignedBuffer scratch(kernel.scratch_bytes(threads));
    kernel.run(source.data(), out.data(), scratch.data(), pool);
    EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa);
  }
}

std::size_t output_size(const Pool2dShape& s) {
  return static_cast<std::size_t>(s.batch * s.out_h * s.out_w * s.channels);
}

void check_max(const Pool2dShape& shape, oracle::Random& random) {
  MaxPool2dSpec spec;
  spec.shape = shape;
  spec.type = random.activation();
  if (random.chance(70)) {
    const std::int32_t highest = oracle::greatest(spec.type);
    LookupTable table{spec.type, spec.type, {}};
    for (std::int32_t q = 0; q <= highest; ++q) {
      table.entries.push_back(
          static_cast<std::uint16_t>(random.chance(50) ? q : std::max(q, highest / 6)));
    }
    std::sort(table.entries.begin(), table.entries.end());
    spec.table = table;
  }
  const Levels in =
      random.activations(shape.batch * shape.in_h * shape.in_w * shape.channels, spec.type);
  Levels greatest(output_size(shape), -1);
  for_taps(shape, in, [&](std::size_t out, int q) { greatest[out] = std::max(greatest[out], q); });
  Levels want;
  for (const int q : greatest) {
    want.push_back(spec.table ? (*spec.table)[static_cast<std::size_t>(q)] : q);
  }
  for (const Isa isa : available_isas())
    check(MaxPool2d(spec, isa), spec.type, in, spec.type, want, isa);
}

void check_average(const Pool2dShape& shape, bool include_pad, oracle::Random& random) {
  AveragePool2dSpec spec;
  spec.shape = shape;
  spec.count_include_pad = include_pad;
  if (random.chance(60)) {
    spec.input_type = random.activation();
    spec.output_type = random.activation();
  }
  const bool wide = oracle::any_wide(spec.input_type, spec.output_type);
  const std::int32_t highest = oracle::greatest(spec.output_type);
  spec.input = {random.real(0.01F, 0.1F), random.zero_point(spec.input_type)};
  spec.output_scale = random.real(0.01F, 0.1F) *
                      static_cast<float>(oracle::greatest(spec.input_type)) /
                      static_cast<float>(highest);
  spec.output = {random.zero_point(spec.output_type), 0, highest};
  const Levels in =
      random.activations(shape.batch * shape.in_h * shape.in_w * shape.channels, spec.input_type);
  std::vector<std::int64_t> sums(output_size(shape), 0);
  std::vector<std::int64_t> counts(output_size(shape), 0);
  for_taps(shape, in, [&](std::size_t out, int q) {
    if (q >= 0) sums[out] += q - spec.input.zero_point;
    if (q >= 0 || (include_pad && q == -1)) ++counts[out];
  });
  Levels want;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double multiplier =
        double{spec.input.scale} / (double{spec.output_scale} * static_cast<double>(counts[i]));
    const oracle::Exact t =
        oracle::rounded(oracle::rounded(sums[i], wide) * oracle::rounded(multiplier, wide), wide);
    want.push_back(oracle::to_output(t, spec.output.zero_point, 0, highest));
  }
  for (const Isa isa : available_isas()) {
    check(AveragePool2d(spec, isa), spec.input_type, in, spec.output_type, want,
          wide ? Isa::kRef : isa);
  }
}

TEST(Pool2d, RandomShapesEqualTheOracle) {
  int checked = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(seed);
    Pool2dShape shape = random_shape(random);
    set_outputs(shape, random);
    if (!every_window_has_a_tap(shape)) continue;
    ++checked;
    check_max(shape, random);
    check_average(shape, random.chance(50), random);
  }
  EXPECT_GT(checked, 100);
}

// Rows long enough that vectors hold several windows of few channels.
TEST(Pool2d, FewChannelsInLongRows) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(1000 + seed);
    Pool2dShape shape = random_shape(random);
    shape.channels = seed % 17 + 1;
    shape.in_w = random.in(30, 130);
    set_outputs(shape, random);
    if (!every_window_has_a_tap(shape)) continue;
    check_max(shape, random);
    check_average(shape, random.chance(50), random);
  }
}

// More taps than one call of the inner kernel takes.
TEST(Pool2d, LargeWindows) {
  for (const std::int64_t size : {8, 9, 13, 20}) {
    oracle::Random random(static_cast<std::uint32_t>(size));
    Pool2dShape shape;
    shape.in_h = shape.in_w = 21;
    shape.channels = 37;
    shape.kernel_h = shape.kernel_w = size;
    shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = size / 2;
    shape.out_h = shape.out_w = 21 + 2 * (size / 2) - size + 1;
    check_max(shape, random);
    check_average(shape, false, random);
    check_average(shape, true, random);
  }
}

}  // namespace
}  // namespace quant::integer
