// SPDX-License-Identifier: MIT
// Reduce against 64-bit loops.
#include "quant/kernels/integer/reduce.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;

Levels expected(const ReduceSpec& s, const Levels& in, bool wide) {
  Levels out;
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t i = 0; i < s.inner; ++i) {
      std::int64_t sum = 0;
      std::int32_t least = 65535;
      std::int32_t greatest = 0;
      for (std::int64_t r = 0; r < s.reduce; ++r) {
        const std::int32_t q = in[static_cast<std::size_t>((o * s.reduce + r) * s.inner + i)];
        sum += q - s.input.zero_point;
        least = std::min(least, q);
        greatest = std::max(greatest, q);
      }
      if (s.op == ReduceOp::kMax) sum = greatest - s.input.zero_point;
      if (s.op == ReduceOp::kMin) sum = least - s.input.zero_point;
      const auto divisor = static_cast<double>(s.op == ReduceOp::kMean ? s.reduce : 1);
      const double multiplier = double{s.input.scale} / (double{s.output_scale} * divisor);
      const oracle::Exact t =
          oracle::rounded(oracle::rounded(sum, wide) * oracle::rounded(multiplier, wide), wide);
      out.push_back(oracle::to_output(t, s.output.zero_point, s.output.qmin, s.output.qmax));
    }
  }
  return out;
}

TEST(Reduce, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    oracle::Random random(seed);
    ReduceSpec spec;
    spec.op = static_cast<ReduceOp>(seed % 4);
    spec.outer = random.in(1, 4);
    spec.reduce = random.in(1, 120);
    spec.inner = random.chance(30) ? 1 : random.in(1, 150);
    if (random.chance(60)) {
      spec.input_type = random.activation();
      spec.output_type = random.activation();
    }
    const bool wide = oracle::any_wide(spec.input_type, spec.output_type);
    const std::int32_t highest = oracle::greatest(spec.output_type);
    spec.input = {random.real(0.01F, 0.1F), random.zero_point(spec.input_type)};
    spec.output_scale = random.real(0.01F, 0.1F) * (spec.op == ReduceOp::kSum ? 30.0F : 1.0F) *
                        static_cast<float>(oracle::greatest(spec.input_type)) /
                        static_cast<float>(highest);
    spec.output = {random.zero_point(spec.output_type), 0, highest};
    if (random.chance(30)) spec.output.qmin = 20;
    const Levels in = random.activations(spec.outer * spec.reduce * spec.inner, spec.input_type);
    const Levels want = expected(spec, in, wide);
    for (const Isa isa : available_isas()) {
      const Reduce kernel(spec, isa);
      EXPECT_EQ(kernel.isa(), wide ? Isa::kRef : isa);
      for (const int threads : {1, 2, 3}) {
        ThreadPool pool(threads);
        oracle::Elements source(spec.input_type, in);
        oracle::Elements out(spec.output_type, static_cast<std::int64_t>(want.size()));
        kernel.run(source.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.levels(), want), "")
            << to_string(isa) << " seed " << seed << " inner " << spec.inner;
      }
    }
  }
}

// 2^31 / 255 = 8,421,505 elements of 255 no longer fit int32.
TEST(Reduce, LongSumsAreWide) {
  ReduceSpec spec;
  spec.reduce = 8'421'506;
  spec.input = {1.0F / 255, 0};
  spec.output_scale = 1.0F / 255;
  const std::vector<std::uint8_t> in(8'421'506, 255);
  for (const Isa isa : available_isas()) {
    ThreadPool pool(1);
    std::uint8_t out = 0;
    Reduce(spec, isa).run(in.data(), &out, pool);
    EXPECT_EQ(out, 255);
  }
}

}  // namespace
}  // namespace quant::integer
