// SPDX-License-Identifier: MIT
// Normalize against the rule with 128-bit sums, and against real layer normalization.
#include "quant/kernels/integer/normalize.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

// t of every element; real = the same without any rounding.
struct Expected {
  std::vector<std::uint8_t> q;
  std::vector<double> real;
};

Expected expected(const NormalizeSpec& s, const std::vector<std::uint8_t>& in) {
  using oracle::to_float;
  Expected result;
  result.q.resize(in.size());
  result.real.resize(in.size());
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t i = 0; i < s.inner; ++i) {
      const auto at = [&](std::int64_t r) {
        return static_cast<std::size_t>((o * s.reduce + r) * s.inner + i);
      };
      __extension__ using Wide = __int128;
      Wide sum = 0;
      Wide squares = 0;
      for (std::int64_t r = 0; r < s.reduce; ++r) {
        const int x = in[at(r)] - s.input.zero_point;
        sum += x;
        squares += x * x;
      }
      const auto n = static_cast<double>(s.reduce);
      const double numerator = static_cast<double>(Wide{s.reduce} * squares - sum * sum);
      const double scale = s.input.scale;
      const double variance = numerator / (n * n);
      const double root = std::sqrt(variance * scale * scale + s.epsilon);
      const auto mean = static_cast<float>(static_cast<double>(sum) / n);
      const float inverse = root > 0 ? static_cast<float>(scale / root) : 0.0F;
      for (std::int64_t r = 0; r < s.reduce; ++r) {
        const auto index = static_cast<std::size_t>(s.affine_axis == AffineAxis::kInner ? i : r);
        const float gamma = s.gamma.empty() ? 1 : s.gamma[s.gamma.size() == 1 ? 0 : index];
        const float beta = s.beta.empty() ? 0 : s.beta[s.beta.size() == 1 ? 0 : index];
        const auto gain = static_cast<float>(double{gamma} / double{s.output_scale});
        const auto offset = static_cast<float>(double{beta} / double{s.output_scale});
        const int x = in[at(r)] - s.input.zero_point;
        const long double centred = to_float(static_cast<long double>(x) - mean);
        const long double unit = to_float(centred * inverse);
        const float t = to_float(static_cast<long double>(to_float(unit * gain)) + offset);
        result.q[at(r)] =
            static_cast<std::uint8_t>(oracle::to_output(t, s.output.zero_point, 0, 255));
        result.real[at(r)] = (x - static_cast<double>(sum) / n) * scale / root * gamma + beta;
      }
    }
  }
  return result;
}

TEST(Normalize, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 120; ++seed) {
    oracle::Random random(seed);
    NormalizeSpec spec;
    spec.outer = random.in(1, 4);
    spec.reduce = random.in(1, 90);
    spec.inner = random.chance(40) ? 1 : random.in(1, 40);
    spec.affine_axis = random.chance(50) ? AffineAxis::kInner : AffineAxis::kReduce;
    const std::int64_t count = spec.affine_axis == AffineAxis::kInner ? spec.inner : spec.reduce;
    const std::int64_t entries = random.chance(20) ? 1 : count;
    if (random.chance(80)) {
      for (std::int64_t i = 0; i < entries; ++i) spec.gamma.push_back(random.real(-2, 2));
      for (std::int64_t i = 0; i < entries; ++i) spec.beta.push_back(random.real(-1, 1));
    }
    if (random.chance(20)) spec.epsilon = 0;
    spec.input = {random.real(0.005F, 0.1F), random.zero_point()};
    spec.output_scale = random.real(0.01F, 0.05F);
    spec.output.zero_point = random.zero_point();
    const auto in = random.activations(spec.outer * spec.reduce * spec.inner);
    const Expected want = expected(spec, in);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      oracle::Bytes data(in);
      Normalize(spec).run(data.data(), data.data(), pool);
      EXPECT_EQ(oracle::difference(data.values(), want.q), "") << "seed " << seed;
    }
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double q = want.real[i] / double{spec.output_scale} + spec.output.zero_point;
      if (std::isfinite(q)) {
        EXPECT_NEAR(want.q[i], std::min(std::max(q, 0.0), 255.0), 0.51) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace quant::integer
