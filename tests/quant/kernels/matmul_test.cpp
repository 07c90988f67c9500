// SPDX-License-Identifier: MIT
// MatMul of two activation tensors against 64-bit sums.
#include "quant/kernels/integer/matmul.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;

Levels expected(const MatMulSpec& s, const Levels& a, const Levels& b, double multiplier,
                bool wide) {
  Levels out;
  for (std::size_t batch = 0; batch < s.a_offsets.size(); ++batch) {
    for (std::int64_t m = 0; m < s.m; ++m) {
      for (std::int64_t n = 0; n < s.n; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < s.k; ++k) {
          const std::int64_t right = s.b_transposed ? n * s.k + k : k * s.n + n;
          const std::int64_t left =
              a[static_cast<std::size_t>(s.a_offsets[batch] + m * s.k + k)] - s.a_zero_point;
          sum += left * (b[static_cast<std::size_t>(s.b_offsets[batch] + right)] - s.b_zero_point);
        }
        const oracle::Exact t =
            oracle::rounded(oracle::rounded(sum, wide) * oracle::rounded(multiplier, wide), wide);
        const OutputRange& range = s.requantization.outputs[0];
        out.push_back(oracle::to_output(t, range.zero_point, range.qmin, range.qmax));
      }
    }
  }
  return out;
}

// `wide_sums`: that int32 is not proved to hold the sums; `scalar`: nor float64.
void check(const MatMulSpec& spec, const Levels& a, const Levels& b, double multiplier,
           bool wide_sums = false, bool scalar = false) {
  const bool wide = oracle::any_wide(spec.a_type, spec.b_type, spec.output_type) || wide_sums;
  const Levels want = expected(spec, a, b, multiplier, wide);
  for (const Isa isa : available_isas()) {
    const MatMul kernel(spec, isa);
    EXPECT_EQ(kernel.isa(), scalar ? Isa::kRef : base_of(isa));
    EXPECT_EQ(kernel.wide(), wide);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      AlignedBuffer scratch(kernel.scratch_bytes(threads));
      oracle::Elements left(spec.a_type, a);
      oracle::Elements right(spec.b_type, b);
      oracle::Elements out(spec.output_type, static_cast<std::int64_t>(want.size()));
      kernel.run(left.data(), right.data(), out.data(), scratch.data(), pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "")
          << to_string(isa) << " m " << spec.m << " k " << spec.k << " n " << spec.n;
    }
  }
}

TEST(MatMul, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 80; ++seed) {
    oracle::Random random(seed);
    MatMulSpec spec;
    spec.m = random.in(1, 20);
    spec.k = random.in(1, 90);
    spec.n = random.in(1, 50);
    spec.b_transposed = random.chance(50);
    if (random.chance(60)) {
      spec.a_type = random.activation();
      spec.b_type = random.activation();
      spec.output_type = random.activation();
    }
    spec.a_zero_point = random.zero_point(spec.a_type);
    spec.b_zero_point = random.zero_point(spec.b_type);
    const std::int64_t batch = random.in(1, 3);
    const bool share_a = random.chance(30);
    spec.a_offsets.clear();
    spec.b_offsets.clear();
    for (std::int64_t i = 0; i < batch; ++i) {
      spec.a_offsets.push_back(share_a ? 0 : i * spec.m * spec.k);
      spec.b_offsets.push_back((batch - 1 - i) * spec.k * spec.n);
    }
    const float a_scale = random.real(0.01F, 0.05F);
    const float b_scale = random.real(0.01F, 0.05F);
    const float steps = static_cast<float>(oracle::greatest(spec.a_type)) / 255 *
                        static_cast<float>(oracle::greatest(spec.b_type)) /
                        static_cast<float>(oracle::greatest(spec.output_type));
    const float out_scale = a_scale * b_scale * steps * random.real(50.0F, 4000.0F);
    spec.requantization = make_requantization(
        a_scale, {&b_scale, 1}, out_scale,
        {random.zero_point(spec.output_type), 0, oracle::greatest(spec.output_type)});
    check(spec, random.activations(batch * spec.m * spec.k, spec.a_type),
          random.activations(batch * spec.k * spec.n, spec.b_type),
          double{a_scale} * double{b_scale} / double{out_scale});
  }
}

// 33,026 products of ±255·255 pass 2^31.
TEST(MatMul, LongSumsAreWide) {
  MatMulSpec spec;
  spec.k = 33026;
  spec.a_zero_point = 0;
  spec.b_zero_point = 255;
  const float one = 1;
  spec.requantization = make_requantization(1, {&one, 1}, 1e7F, {250, 0, 255});
  check(spec, Levels(33026, 255), Levels(33026, 0), 1.0 / double{1e7F}, true);
}

// 2^20 + 32 products of ±65535·65535, and as many of the zero point, pass 2^53.
TEST(MatMul, LongSumsOfSixteenBitsAreScalar) {
  MatMulSpec spec;
  spec.k = (1 << 20) + 33;
  spec.a_type = spec.b_type = spec.output_type = DataType::kUint16;
  spec.a_zero_point = 0;
  spec.b_zero_point = 65535;
  const float one = 1;
  spec.requantization = make_requantization(1, {&one, 1}, 1e11F, {60000, 0, 65535});
  const auto count = static_cast<std::size_t>(spec.k);
  check(spec, Levels(count, 65535), Levels(count, 0), 1.0 / double{1e11F}, true, true);
}

}  // namespace
}  // namespace quant::integer
