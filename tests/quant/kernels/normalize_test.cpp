// SPDX-License-Identifier: MIT
// Normalize against the rule with 128-bit sums, and against real layer normalization.
#include "quant/kernels/integer/normalize.h"

#include <gtest/gtest.h>

#include "oracle.h"

namespace quant::integer {
namespace {

using oracle::Levels;

// t of every element; real = the same without any rounding.
struct Expected {
  Levels q;
  std::vector<double> real;
};

Expected expected(const NormalizeSpec& s, const Levels& in) {
  using oracle::Exact;
  const bool wide = oracle::any_wide(s.input_type, s.output_type);
  const auto round = [&](Exact value) { return oracle::rounded(value, wide); };
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
        const Wide x = in[at(r)] - s.input.zero_point;
        sum += x;
        squares += x * x;
      }
      const auto n = static_cast<double>(s.reduce);
      const double numerator = static_cast<double>(Wide{s.reduce} * squares - sum * sum);
      const double scale = s.input.scale;
      const double variance = numerator / (n * n);
      const double root = std::sqrt(variance * scale * scale + s.epsilon);
      const Exact mean = round(static_cast<double>(sum) / n);
      const Exact inverse = root > 0 ? round(scale / root) : 0;
      for (std::int64_t r = 0; r < s.reduce; ++r) {
        const auto index = static_cast<std::size_t>(s.affine_axis == AffineAxis::kInner ? i : r);
        const float gamma = s.gamma.empty() ? 1 : s.gamma[s.gamma.size() == 1 ? 0 : index];
        const float beta = s.beta.empty() ? 0 : s.beta[s.beta.size() == 1 ? 0 : index];
        const Exact gain = round(double{gamma} / double{s.output_scale});
        const Exact offset = round(double{beta} / double{s.output_scale});
        const std::int32_t x = in[at(r)] - s.input.zero_point;
        const Exact unit = round(round(x - mean) * inverse);
        const Exact t = round(round(unit * gain) + offset);
        result.q[at(r)] =
            oracle::to_output(t, s.output.zero_point, 0, oracle::greatest(s.output_type));
        result.real[at(r)] = (x - static_cast<double>(sum) / n) * scale / root * gamma + beta;
      }
    }
  }
  return result;
}

void check(const NormalizeSpec& spec, const Levels& in, const Levels& want) {
  for (const Isa isa : available_isas()) {
    const Normalize kernel(spec, isa);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      oracle::Elements data(spec.input_type, in);
      oracle::Elements out(spec.output_type, static_cast<std::int64_t>(in.size()));
      kernel.run(data.data(), out.data(), pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa);
      if (spec.input_type != spec.output_type) continue;
      kernel.run(data.data(), data.data(), pool);
      EXPECT_EQ(oracle::difference(data.levels(), want), "") << to_string(isa) << " in place";
    }
  }
}

TEST(Normalize, RandomShapesEqualTheOracle) {
  for (std::uint32_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
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
    if (random.chance(60)) {
      spec.input_type = random.activation();
      spec.output_type = random.activation();
    }
    const std::int32_t highest = oracle::greatest(spec.output_type);
    spec.input = {
        random.real(0.005F, 0.1F) * 255 / static_cast<float>(oracle::greatest(spec.input_type)),
        random.zero_point(spec.input_type)};
    spec.output_scale = random.real(0.01F, 0.05F) * 255 / static_cast<float>(highest);
    spec.output = {random.zero_point(spec.output_type), 0, highest};
    const Levels in = random.activations(spec.outer * spec.reduce * spec.inner, spec.input_type);
    const Expected want = expected(spec, in);
    check(spec, in, want.q);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double q = want.real[i] / double{spec.output_scale} + spec.output.zero_point;
      if (std::isfinite(q)) {
        EXPECT_NEAR(want.q[i], std::min(std::max(q, 0.0), static_cast<double>(highest)), 0.51)
            << "seed " << seed;
      }
    }
  }
}

// Long dense lines of bytes are looked up, of words computed by vectors; those beyond one task's
// share are split among threads. Extreme lines: sums of squares of bytes pass 32 bits.
TEST(Normalize, LongLines) {
  for (std::uint32_t seed = 0; seed < 48; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(300 + seed);
    NormalizeSpec spec;
    spec.outer = random.in(1, 3);
    spec.reduce = seed % 4 == 0 ? random.in(60000, 600000) : random.in(1000, 1100);
    spec.affine_axis = random.chance(50) ? AffineAxis::kInner : AffineAxis::kReduce;
    if (random.chance(80)) {
      spec.gamma = {random.real(-2, 2)};
      spec.beta = {random.real(-1, 1)};
    }
    if (seed % 2 == 1) spec.input_type = DataType::kUint16;
    if (random.chance(seed % 2 == 1 ? 70 : 30)) spec.output_type = DataType::kUint16;
    const std::int32_t most = oracle::greatest(spec.input_type);
    const std::int32_t highest = oracle::greatest(spec.output_type);
    spec.input = {random.real(0.005F, 0.1F) * 255 / static_cast<float>(most),
                  random.zero_point(spec.input_type)};
    spec.output_scale = random.real(0.01F, 0.05F) * 255 / static_cast<float>(highest);
    spec.output = {random.zero_point(spec.output_type), 0, highest};
    // The greatest sums of squares that a line of this length can have, once.
    if (seed < 2) spec.reduce = 600001;
    const auto count = spec.outer * spec.reduce;
    const Levels in = seed < 2 ? Levels(static_cast<std::size_t>(count), most)
                               : random.activations(count, spec.input_type);
    const bool element_wise = spec.reduce < 1024 || (spec.input_type == DataType::kUint16 &&
                                                     spec.output_type == DataType::kUint8);
    for (const Isa isa : available_isas())
      EXPECT_EQ(Normalize(spec, isa).isa(), element_wise ? Isa::kRef : isa);
    check(spec, in, expected(spec, in).q);
  }
}

// 2^23 elements at 16 bits: n·Σq² and its difference from (Σq)² pass 64 bits.
TEST(Normalize, LongSumsOfSixteenBits) {
  NormalizeSpec spec;
  spec.reduce = kMaxNormalizedElements;
  spec.affine_axis = AffineAxis::kReduce;
  spec.input_type = spec.output_type = DataType::kUint16;
  spec.input = {1e-4F, 0};
  spec.output_scale = 1e-4F;
  spec.output = {30000, 0, 65535};
  // Half of them 0, half 65535: mean and deviation 32767.5.
  std::vector<std::uint16_t> in(static_cast<std::size_t>(spec.reduce), 65535);
  for (std::size_t i = 0; i < in.size(); i += 2) in[i] = 0;
  std::vector<std::uint16_t> out(in.size());
  ThreadPool pool(2);
  const double deviation = 32767.5 * double{1e-4F};
  const double unit = deviation / std::sqrt(deviation * deviation + 1e-5) / double{1e-4F};
  for (const Isa isa : available_isas()) {
    Normalize(spec, isa).run(in.data(), out.data(), pool);
    EXPECT_EQ(out[0], static_cast<std::uint16_t>(30000 - std::nearbyint(unit))) << to_string(isa);
    EXPECT_EQ(out[1], static_cast<std::uint16_t>(30000 + std::nearbyint(unit))) << to_string(isa);
  }
}

}  // namespace
}  // namespace quant::integer
