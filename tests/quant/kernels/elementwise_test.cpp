// SPDX-License-Identifier: MIT
// Binary, PRelu and lookup against the rules written a second time, on every instruction set, in
// place and not.
#include "quant/kernels/integer/elementwise.h"

#include <gtest/gtest.h>

#include <limits>

#include "oracle.h"
#include "quant/kernels/integer/lookup.h"

namespace quant::integer {
namespace {

constexpr BinaryOp kOps[] = {BinaryOp::kAdd, BinaryOp::kSub, BinaryOp::kMul,
                             BinaryOp::kDiv, BinaryOp::kMin, BinaryOp::kMax};

// Every intermediate rounded to float32 by hand; long double holds each exact result but the
// quotient's, whose second rounding to 24 bits cannot go wrong (64 ≥ 2·24 + 2).
int expected_element(const BinarySpec& s, int qa, int qb) {
  using oracle::to_float;
  const long double a = qa - s.a.zero_point;
  const long double b = qb - s.b.zero_point;
  const double sa = s.a.scale;
  const double sb = s.b.scale;
  const double so = s.output_scale;
  const auto ma = static_cast<float>(sa / so);
  const auto mb = static_cast<float>(sb / so);
  long double t = 0;
  switch (s.op) {
    case BinaryOp::kAdd:
      t = to_float(static_cast<long double>(to_float(a * ma)) + to_float(b * mb));
      break;
    case BinaryOp::kSub:
      t = to_float(static_cast<long double>(to_float(a * ma)) - to_float(b * mb));
      break;
    case BinaryOp::kMin:
      t = std::min(to_float(a * ma), to_float(b * mb));
      break;
    case BinaryOp::kMax:
      t = std::max(to_float(a * ma), to_float(b * mb));
      break;
    case BinaryOp::kMul:
      t = to_float(a * b * static_cast<float>(sa * sb / so));
      break;
    case BinaryOp::kDiv:
      if (b == 0) {
        t = a == 0 ? 0 : a > 0 ? 1e9L : -1e9L;
      } else {
        t = to_float(static_cast<long double>(to_float(a * static_cast<float>(sa / (sb * so)))) /
                     b);
      }
      break;
  }
  return oracle::to_output(t, s.output.zero_point, s.output.qmin, s.output.qmax);
}

BinarySpec random_spec(oracle::Random& random, BinaryOp op) {
  BinarySpec spec;
  spec.op = op;
  spec.a = {random.real(0.001F, 0.1F), random.zero_point()};
  spec.b = {random.real(0.001F, 0.1F), random.zero_point()};
  spec.output_scale = random.real(0.005F, 0.1F);
  if (op == BinaryOp::kMul) spec.output_scale *= 0.1F;
  if (op == BinaryOp::kDiv) spec.output_scale = random.real(0.01F, 1.0F);
  spec.output.zero_point = random.zero_point();
  if (random.chance(40)) {
    spec.output.qmin = static_cast<std::int32_t>(random.in(0, 100));
    spec.output.qmax = static_cast<std::int32_t>(random.in(100, 255));
  }
  return spec;
}

TEST(Binary, AllPairsOfBytes) {
  std::vector<std::uint8_t> a;
  std::vector<std::uint8_t> b;
  for (int i = 0; i < 65536; ++i) {
    a.push_back(static_cast<std::uint8_t>(i / 256));
    b.push_back(static_cast<std::uint8_t>(i));
  }
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    for (const BinaryOp op : kOps) {
      oracle::Random random(seed);
      BinarySpec spec = random_spec(random, op);
      spec.out_shape = {65536};
      spec.a_strides = spec.b_strides = {1};
      std::vector<std::uint8_t> want;
      for (std::size_t i = 0; i < a.size(); ++i) {
        want.push_back(static_cast<std::uint8_t>(expected_element(spec, a[i], b[i])));
      }
      for (const Isa isa : available_isas()) {
        const Binary kernel(spec, isa);
        EXPECT_EQ(kernel.isa(), isa);
        ThreadPool pool(2);
        oracle::Bytes out(65536);
        kernel.run(a.data(), b.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.values(), want), "")
            << to_string(isa) << " op " << static_cast<int>(op) << " seed " << seed;
      }
    }
  }
}

TEST(Binary, BroadcastsLikeNumpy) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    oracle::Random random(100 + seed);
    BinarySpec spec = random_spec(random, kOps[seed % 6]);
    const auto rank = static_cast<std::size_t>(random.in(0, 6));
    std::vector<std::int64_t> a_shape;
    std::vector<std::int64_t> b_shape;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      const std::int64_t size = random.in(1, random.chance(20) ? 40 : 5);
      spec.out_shape.push_back(size);
      a_shape.push_back(random.chance(30) ? 1 : size);
      b_shape.push_back(random.chance(30) ? 1 : size);
    }
    const auto strides = [&](const std::vector<std::int64_t>& shape) {
      std::vector<std::int64_t> result(rank);
      std::int64_t step = 1;
      for (std::size_t axis = rank; axis-- > 0;) {
        result[axis] = shape[axis] == 1 && spec.out_shape[axis] != 1 ? 0 : step;
        step *= shape[axis];
      }
      return std::pair(result, step);
    };
    const auto [a_strides, a_count] = strides(a_shape);
    const auto [b_strides, b_count] = strides(b_shape);
    spec.a_strides = a_strides;
    spec.b_strides = b_strides;
    const auto a = random.activations(a_count);
    const auto b = random.activations(b_count);
    std::int64_t count = 1;
    for (const auto size : spec.out_shape) count *= size;
    std::vector<std::uint8_t> want;
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t rest = i;
      std::int64_t a_at = 0;
      std::int64_t b_at = 0;
      for (std::size_t axis = rank; axis-- > 0;) {
        const std::int64_t index = rest % spec.out_shape[axis];
        rest /= spec.out_shape[axis];
        a_at += index * a_strides[axis];
        b_at += index * b_strides[axis];
      }
      want.push_back(static_cast<std::uint8_t>(expected_element(
          spec, a[static_cast<std::size_t>(a_at)], b[static_cast<std::size_t>(b_at)])));
    }
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        oracle::Bytes left(a);
        oracle::Bytes right(b);
        oracle::Bytes out(count);
        Binary(spec, isa).run(left.data(), right.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.values(), want), "") << to_string(isa) << " seed " << seed;
        if (a_count == count) {
          Binary(spec, isa).run(left.data(), right.data(), left.data(), pool);
          EXPECT_EQ(oracle::difference(left.values(), want), "")
              << "in place, " << to_string(isa) << " seed " << seed;
        }
      }
    }
  }
}

// Strides that are neither 0 nor 1 in the innermost axis (a transposed operand).
TEST(Binary, AnyInnerStride) {
  oracle::Random random(7);
  BinarySpec spec = random_spec(random, BinaryOp::kAdd);
  spec.out_shape = {5, 7};
  spec.a_strides = {1, 5};
  spec.b_strides = {7, 1};
  const auto a = random.vector<std::uint8_t>(35, 0, 255);
  const auto b = random.vector<std::uint8_t>(35, 0, 255);
  for (const Isa isa : available_isas()) {
    ThreadPool pool(1);
    std::vector<std::uint8_t> out(35);
    Binary(spec, isa).run(a.data(), b.data(), out.data(), pool);
    for (int i = 0; i < 5; ++i) {
      for (int j = 0; j < 7; ++j) {
        EXPECT_EQ(out[static_cast<std::size_t>(i * 7 + j)],
                  expected_element(spec, a[static_cast<std::size_t>(i + 5 * j)],
                                   b[static_cast<std::size_t>(i * 7 + j)]));
      }
    }
  }
}

TEST(PRelu, SlopesPerChannelAndShared) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    oracle::Random random(seed);
    PReluSpec spec;
    spec.pixels = random.in(1, 50);
    spec.channels = random.in(1, 40);
    const bool shared = random.chance(40);
    for (std::int64_t c = 0; c < (shared ? 1 : spec.channels); ++c) {
      spec.slopes.push_back(random.real(-0.5F, 1.5F));
    }
    spec.input = {random.real(0.01F, 0.1F), random.zero_point()};
    spec.output_scale = random.real(0.01F, 0.1F);
    spec.output.zero_point = random.zero_point();
    const auto in = random.vector<std::uint8_t>(spec.pixels * spec.channels, 0, 255);
    std::vector<std::uint8_t> want;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double slope = spec.slopes[shared ? 0 : i % static_cast<std::size_t>(spec.channels)];
      const long double x = in[i] - spec.input.zero_point;
      const double scale = spec.input.scale;
      const double out_scale = spec.output_scale;
      const auto multiplier =
          static_cast<float>(x >= 0 ? scale / out_scale : scale * slope / out_scale);
      want.push_back(static_cast<std::uint8_t>(
          oracle::to_output(oracle::to_float(x * multiplier), spec.output.zero_point, 0, 255)));
    }
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 2}) {
        ThreadPool pool(threads);
        oracle::Bytes data(in);
        PRelu(spec, isa).run(data.data(), data.data(), pool);
        EXPECT_EQ(oracle::difference(data.values(), want), "") << to_string(isa);
      }
    }
  }
}

TEST(Lookup, AllLengthsAndBytes) {
  oracle::Random random(9);
  LookupTable table;
  for (auto& entry : table) entry = static_cast<std::uint8_t>(random.in(0, 255));
  for (const std::int64_t count : {0, 1, 15, 16, 31, 33, 63, 64, 65, 127, 129, 256, 1000, 100000}) {
    std::vector<std::uint8_t> in;
    for (std::int64_t i = 0; i < count; ++i)
      in.push_back(static_cast<std::uint8_t>(i * 7 + i / 256));
    std::vector<std::uint8_t> want;
    for (const auto q : in) want.push_back(table[q]);
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        oracle::Bytes source(in);
        oracle::Bytes out(count);
        lookup(source.data(), out.data(), count, table, isa, pool);
        EXPECT_EQ(oracle::difference(out.values(), want), "") << to_string(isa) << " " << count;
        lookup(source.data(), source.data(), count, table, isa, pool);
        EXPECT_EQ(oracle::difference(source.values(), want), "") << "in place";
      }
    }
  }
}

}  // namespace
}  // namespace quant::integer
