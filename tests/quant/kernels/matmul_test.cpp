// SPDX-License-Identifier: MIT
// MatMul of two activation tensors against 64-bit sums.
#include "quant/kernels/integer/matmul.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

std::vector<std::uint8_t> expected(const MatMulSpec& s, const std::vector<std::uint8_t>& a,
                                   const std::vector<std::uint8_t>& b, double multiplier,
                                   bool wide) {
  std::vector<std::uint8_t> out;
  for (std::size_t batch = 0; batch < s.a_offsets.size(); ++batch) {
    for (std::int64_t m = 0; m < s.m; ++m) {
      for (std::int64_t n = 0; n < s.n; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < s.k; ++k) {
          const std::int64_t right = s.b_transposed ? n * s.k + k : k * s.n + n;
          sum += (a[static_cast<std::size_t>(s.a_offsets[batch] + m * s.k + k)] - s.a_zero_point) *
                 (b[static_cast<std::size_t>(s.b_offsets[batch] + right)] - s.b_zero_point);
        }
        const long double t =
            wide ? static_cast<double>(static_cast<long double>(sum) * multiplier)
                 : oracle::to_float(static_cast<long double>(static_cast<float>(sum)) *
                                    static_cast<float>(multiplier));
        const OutputRange& range = s.requantization.output;
        out.push_back(static_cast<std::uint8_t>(
            oracle::to_output(t, range.zero_point, range.qmin, range.qmax)));
      }
    }
  }
  return out;
}

void check(const MatMulSpec& spec, const std::vector<std::uint8_t>& a,
           const std::vector<std::uint8_t>& b, double multiplier, bool wide = false) {
  const auto want = expected(spec, a, b, multiplier, wide);
  for (const Isa isa : available_isas()) {
    const MatMul kernel(spec, isa);
    EXPECT_EQ(kernel.isa(), wide ? Isa::kRef : isa);
    EXPECT_EQ(kernel.wide_accumulator(), wide);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      AlignedBuffer scratch(kernel.scratch_bytes(threads));
      oracle::Bytes left(a);
      oracle::Bytes right(b);
      oracle::Bytes out(static_cast<std::int64_t>(want.size()));
      kernel.run(left.data(), right.data(), out.data(), scratch.data(), pool);
      EXPECT_EQ(oracle::difference(out.values(), want), "")
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
    spec.a_zero_point = random.zero_point();
    spec.b_zero_point = random.zero_point();
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
    const float out_scale = a_scale * b_scale * random.real(50.0F, 4000.0F);
    spec.requantization =
        make_requantization(a_scale, {&b_scale, 1}, out_scale, {random.zero_point(), 0, 255});
    check(spec, random.activations(batch * spec.m * spec.k),
          random.activations(batch * spec.k * spec.n),
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
  const std::vector<std::uint8_t> a(33026, 255);
  const std::vector<std::uint8_t> b(33026, 0);
  check(spec, a, b, 1.0 / double{1e7F}, true);
}

}  // namespace
}  // namespace quant::integer
