// SPDX-License-Identifier: MIT
// Softmax against the rule, and the rule against real softmax.
#include "quant/kernels/integer/softmax.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;

void check(const SoftmaxSpec& spec, const Levels& in, const Levels& want) {
  for (const Isa isa : available_isas()) {
    const Softmax kernel(spec, isa);
    const bool bytes = !oracle::any_wide(spec.input_type, spec.output_type);
    const bool vectors = bytes && spec.inner == 1 && spec.axis != 2 && spec.axis <= 255;
    EXPECT_EQ(kernel.isa(), vectors ? base_of(isa) : Isa::kRef);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      oracle::Elements source(spec.input_type, in);
      oracle::Elements out(spec.output_type, static_cast<std::int64_t>(want.size()));
      kernel.run(source.data(), out.data(), pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa);
    }
  }
}

TEST(Softmax, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(seed);
    SoftmaxSpec spec;
    spec.outer = random.in(1, 6);
    spec.axis = random.chance(25) ? random.in(200, 700) : random.in(1, 40);
    if (random.chance(20)) spec.axis = random.chance(50) ? 2 : random.in(254, 257);
    spec.inner = random.chance(50) ? 1 : random.in(1, 9);
    if (random.chance(60)) {
      spec.input_type = random.activation();
      spec.output_type = random.activation();
    }
    const std::int32_t highest = oracle::greatest(spec.output_type);
    const float input_scale =
        random.real(0.005F, 0.3F) * 255 / static_cast<float>(oracle::greatest(spec.input_type));
    spec.table = make_softmax_table(input_scale, spec.input_type);
    spec.output_scale = 255.0F / static_cast<float>(random.in(100, 300) * highest);
    spec.output = {random.chance(70) ? 0 : random.zero_point(spec.output_type), 0, highest};
    const Levels in = random.activations(spec.outer * spec.axis * spec.inner, spec.input_type);
    Levels want(in.size());
    for (std::int64_t line = 0; line < spec.outer * spec.inner; ++line) {
      const auto at = [&](std::int64_t i) {
        return static_cast<std::size_t>((line / spec.inner * spec.axis + i) * spec.inner +
                                        line % spec.inner);
      };
      std::int32_t greatest = 0;
      for (std::int64_t i = 0; i < spec.axis; ++i) greatest = std::max(greatest, in[at(i)]);
      const auto exponential = [&](std::int64_t i) {
        const long double x = static_cast<long double>(greatest - in[at(i)]) * input_scale;
        return static_cast<double>(oracle::round_half_even(std::exp(-x) * 8388608));
      };
      double sum = 0;
      for (std::int64_t i = 0; i < spec.axis; ++i) sum += exponential(i);
      for (std::int64_t i = 0; i < spec.axis; ++i) {
        const double p = exponential(i) / sum;
        const double t = p / double{spec.output_scale};
        want[at(i)] = oracle::to_output(t, spec.output.zero_point, 0, highest);
      }
    }
    check(spec, in, want);
  }
}

// Every pair of bytes: a table of differences answers.
TEST(Softmax, AllPairsOfBytes) {
  SoftmaxSpec spec;
  spec.outer = 65536;
  spec.axis = 2;
  spec.table = make_softmax_table(0.02F);
  spec.output_scale = 1.0F / 256;
  spec.output = {0, 0, 255};
  Levels in;
  Levels want;
  for (std::int32_t a = 0; a < 256; ++a) {
    for (std::int32_t b = 0; b < 256; ++b) {
      in.insert(in.end(), {a, b});
      const auto exponential = [&](std::int32_t q) {
        const long double x = static_cast<long double>(std::max(a, b) - q) * 0.02F;
        return static_cast<double>(oracle::round_half_even(std::exp(-x) * 8388608));
      };
      const double sum = exponential(a) + exponential(b);
      for (const std::int32_t q : {a, b})
        want.push_back(oracle::to_output(exponential(q) / sum * 256, 0, 0, 255));
    }
  }
  check(spec, in, want);
}

// 5/16, 3/16 and 8/16 at a scale of 1/8 are 2.5, 1.5 and 4: ties go to the even level, which a
// multiplication by an inverse could miss.
TEST(Softmax, TiesOnShortLines) {
  for (const std::int64_t axis : {3, 8, 16, 17, 80}) {
    SoftmaxSpec spec;
    spec.outer = 3;
    spec.axis = axis;
    spec.table.assign(256, 0);
    spec.table[0] = 8U << 20;
    spec.table[1] = 5U << 20;
    spec.table[2] = 3U << 20;
    spec.output_scale = 1.0F / 8;
    spec.output = {1, 0, 255};
    Levels in(static_cast<std::size_t>(3 * axis), 0);
    Levels want(in.size(), 1);
    for (std::size_t line = 0; line < 3; ++line) {
      const auto at = line * static_cast<std::size_t>(axis);
      in[at] = 198;
      in[at + 1] = 200;
      in[at + 2] = 199;
      want[at] = 3;
      want[at + 1] = 5;
      want[at + 2] = 3;
    }
    check(spec, in, want);
  }
}

TEST(Softmax, SumsToOneWithinRounding) {
  oracle::Random random(5);
  SoftmaxSpec spec;
  spec.axis = 10;
  spec.outer = 100;
  spec.table = make_softmax_table(0.05F);
  spec.output_scale = 1.0F / 255;
  const auto in = random.vector<std::uint8_t>(1000, 0, 255);
  std::vector<std::uint8_t> out(1000);
  ThreadPool pool(1);
  Softmax(spec, available_isas().front()).run(in.data(), out.data(), pool);
  for (std::size_t row = 0; row < 100; ++row) {
    int sum = 0;
    for (std::size_t i = 0; i < 10; ++i) sum += out[row * 10 + i];
    EXPECT_NEAR(sum, 255, 5);
  }
}

}  // namespace
}  // namespace quant::integer
