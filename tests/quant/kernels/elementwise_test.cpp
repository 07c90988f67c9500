// SPDX-License-Identifier: MIT
// Binary, PRelu and lookup against the rules written a second time, on every instruction set, in
// place and not.
#include "quant/kernels/integer/elementwise.h"

#include <gtest/gtest.h>

#include "oracle.h"
#include "quant/kernels/integer/lookup.h"

namespace quant::integer {
namespace {

constexpr BinaryOp kOps[] = {BinaryOp::kAdd, BinaryOp::kSub, BinaryOp::kMul,
                             BinaryOp::kDiv, BinaryOp::kMin, BinaryOp::kMax};

using oracle::Levels;

// Every intermediate rounded by hand.
std::int32_t expected_element(const BinarySpec& s, std::int32_t qa, std::int32_t qb) {
  using oracle::Exact;
  const bool wide = oracle::any_wide(s.a_type, s.b_type, s.output_type);
  const auto round = [&](Exact value) { return oracle::rounded(value, wide); };
  const Exact a = qa - s.a.zero_point;
  const Exact b = qb - s.b.zero_point;
  const double sa = s.a.scale;
  const double sb = s.b.scale;
  const double so = s.output_scale;
  const Exact ma = round(sa / so);
  const Exact mb = round(sb / so);
  Exact t = 0;
  switch (s.op) {
    case BinaryOp::kAdd:
      t = round(round(a * ma) + round(b * mb));
      break;
    case BinaryOp::kSub:
      t = round(round(a * ma) - round(b * mb));
      break;
    case BinaryOp::kMin:
      t = std::min(round(a * ma), round(b * mb));
      break;
    case BinaryOp::kMax:
      t = std::max(round(a * ma), round(b * mb));
      break;
    case BinaryOp::kMul:
      t = round(a * b * round(sa * sb / so));
      break;
    case BinaryOp::kDiv:
      if (b == 0) {
        t = a == 0 ? 0 : a > 0 ? 1e9 : -1e9;
      } else {
        t = round(round(a * round(sa / (sb * so))) / b);
      }
      break;
  }
  return oracle::to_output(t, s.output.zero_point, s.output.qmin, s.output.qmax);
}

// Types as in `spec`; the operands' reals span the same whatever their types.
void fill(BinarySpec& spec, oracle::Random& random, BinaryOp op) {
  const auto step = [](DataType type) { return 255 / static_cast<float>(oracle::greatest(type)); };
  spec.op = op;
  spec.a = {random.real(0.001F, 0.1F) * step(spec.a_type), random.zero_point(spec.a_type)};
  spec.b = {random.real(0.001F, 0.1F) * step(spec.b_type), random.zero_point(spec.b_type)};
  spec.output_scale = random.real(0.005F, 0.1F);
  if (op == BinaryOp::kMul) spec.output_scale *= 0.1F;
  if (op == BinaryOp::kDiv) spec.output_scale = random.real(0.01F, 1.0F);
  spec.output_scale *= step(spec.output_type);
  const std::int32_t highest = oracle::greatest(spec.output_type);
  spec.output = {random.zero_point(spec.output_type), 0, highest};
  if (random.chance(40)) {
    spec.output.qmin = static_cast<std::int32_t>(random.in(0, highest / 3));
    spec.output.qmax = static_cast<std::int32_t>(random.in(highest / 3, highest));
  }
}

Isa expected_isa(const BinarySpec& spec, Isa isa) {
  const bool one_type = spec.a_type == spec.b_type && spec.a_type == spec.output_type;
  return one_type ? isa : Isa::kRef;
}

TEST(Binary, AllPairsOfBytes) {
  Levels a;
  Levels b;
  for (int i = 0; i < 65536; ++i) {
    a.push_back(i / 256);
    b.push_back(i % 256);
  }
  oracle::Elements left(DataType::kUint8, a);
  oracle::Elements right(DataType::kUint8, b);
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    for (const BinaryOp op : kOps) {
      oracle::Random random(seed);
      BinarySpec spec;
      fill(spec, random, op);
      spec.out_shape = {65536};
      spec.a_strides = spec.b_strides = {1};
      Levels want;
      for (std::size_t i = 0; i < a.size(); ++i) {
        want.push_back(expected_element(spec, a[i], b[i]));
      }
      for (const Isa isa : available_isas()) {
        const Binary kernel(spec, isa);
        EXPECT_EQ(kernel.isa(), isa);
        ThreadPool pool(2);
        oracle::Elements out(DataType::kUint8, 65536);
        kernel.run(left.data(), right.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.levels(), want), "")
            << to_string(isa) << " op " << static_cast<int>(op) << " seed " << seed;
      }
    }
  }
}

// Enough of them that a multiplier or a step rounded to float32 would show.
TEST(Binary, ManyPairsOfSixteenBits) {
  constexpr std::int64_t kCount = 20000;
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    oracle::Random random(50 + seed);
    BinarySpec spec;
    spec.a_type = spec.b_type = spec.output_type = DataType::kUint16;
    fill(spec, random, kOps[seed % 6]);
    // Results that fill the output's range without leaving it.
    if (spec.op == BinaryOp::kMul) spec.output_scale = spec.a.scale * spec.b.scale * 30000;
    if (spec.op == BinaryOp::kDiv) spec.output_scale = spec.a.scale / spec.b.scale / 10000;
    spec.a.zero_point = spec.b.zero_point = spec.output.zero_point = 32000;
    spec.output.qmin = 0;
    spec.output.qmax = 65535;
    spec.out_shape = {kCount};
    spec.a_strides = spec.b_strides = {1};
    const Levels a = random.vector<std::int32_t>(kCount, 0, 65535);
    const Levels b = random.vector<std::int32_t>(kCount, 0, 65535);
    Levels want;
    for (std::size_t i = 0; i < a.size(); ++i) want.push_back(expected_element(spec, a[i], b[i]));
    ThreadPool pool(1);
    oracle::Elements left(spec.a_type, a);
    oracle::Elements right(spec.b_type, b);
    for (const Isa isa : available_isas()) {
      oracle::Elements out(spec.output_type, kCount);
      Binary(spec, isa).run(left.data(), right.data(), out.data(), pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa) << " seed " << seed;
    }
  }
}

TEST(Binary, BroadcastsLikeNumpy) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    oracle::Random random(100 + seed);
    BinarySpec spec;
    if (random.chance(60)) {
      spec.a_type = random.activation();
      spec.b_type = random.activation();
      spec.output_type = random.activation();
    }
    fill(spec, random, kOps[seed % 6]);
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
    const Levels a = random.activations(a_count, spec.a_type);
    const Levels b = random.activations(b_count, spec.b_type);
    std::int64_t count = 1;
    for (const auto size : spec.out_shape) count *= size;
    Levels want;
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
      want.push_back(expected_element(spec, a[static_cast<std::size_t>(a_at)],
                                      b[static_cast<std::size_t>(b_at)]));
    }
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 3}) {
        ThreadPool pool(threads);
        oracle::Elements left(spec.a_type, a);
        oracle::Elements right(spec.b_type, b);
        oracle::Elements out(spec.output_type, count);
        EXPECT_EQ(Binary(spec, isa).isa(), expected_isa(spec, isa));
        Binary(spec, isa).run(left.data(), right.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa) << " seed " << seed;
        if (a_count == count && spec.a_type == spec.output_type) {
          Binary(spec, isa).run(left.data(), right.data(), left.data(), pool);
          EXPECT_EQ(oracle::difference(left.levels(), want), "")
              << "in place, " << to_string(isa) << " seed " << seed;
        }
      }
    }
  }
}

// Strides that are neither 0 nor 1 in the innermost axis (a transposed operand).
TEST(Binary, AnyInnerStride) {
  oracle::Random random(7);
  BinarySpec spec;
  fill(spec, random, BinaryOp::kAdd);
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
    const Levels in = random.activations(spec.pixels * spec.channels, spec.input_type);
    Levels want;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double slope = spec.slopes[shared ? 0 : i % static_cast<std::size_t>(spec.channels)];
      const oracle::Exact x = in[i] - spec.input.zero_point;
      const double scale = spec.input.scale;
      const double out_scale = spec.output_scale;
      const oracle::Exact multiplier =
          oracle::rounded(x >= 0 ? scale / out_scale : scale * slope / out_scale, wide);
      want.push_back(oracle::to_output(oracle::rounded(x * multiplier, wide),
                                       spec.output.zero_point, 0, highest));
    }
    for (const Isa isa : available_isas()) {
      const PRelu kernel(spec, isa);
      EXPECT_EQ(kernel.isa(), wide ? Isa::kRef : isa);
      for (const int threads : {1, 2}) {
        ThreadPool pool(threads);
        oracle::Elements data(spec.input_type, in);
        oracle::Elements out(spec.output_type, spec.pixels * spec.channels);
        kernel.run(data.data(), out.data(), pool);
        EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa);
        if (spec.input_type == spec.output_type) {
          kernel.run(data.data(), data.data(), pool);
          EXPECT_EQ(oracle::difference(data.levels(), want), "") << "in place, " << to_string(isa);
        }
      }
    }
  }
}

// Every level, at several scales: a multiplier rounded to float32 would show in some of them.
TEST(PRelu, AllLevelsOfSixteenBits) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    oracle::Random random(seed);
    PReluSpec spec;
    spec.pixels = 65536;
    spec.slopes = {random.real(0.1F, 0.9F)};
    spec.input_type = spec.output_type = DataType::kUint16;
    spec.input = {random.real(1e-4F, 2e-4F), 30000};
    spec.output_scale = random.real(1e-4F, 2e-4F);
    spec.output = {12345, 0, 65535};
    const double in_scale = spec.input.scale;
    const double out_scale = spec.output_scale;
    Levels in;
    Levels want;
    for (std::int32_t q = 0; q < 65536; ++q) {
      in.push_back(q);
      const oracle::Exact x = q - 30000;
      const double multiplier =
          q >= 30000 ? in_scale / out_scale : in_scale * double{spec.slopes[0]} / out_scale;
      want.push_back(oracle::to_output(oracle::rounded(x * multiplier, true), 12345, 0, 65535));
    }
    ThreadPool pool(1);
    oracle::Elements source(spec.input_type, in);
    oracle::Elements out(spec.output_type, 65536);
    PRelu(spec, available_isas().front()).run(source.data(), out.data(), pool);
    EXPECT_EQ(oracle::difference(out.levels(), want), "") << seed;
  }
}

TEST(Lookup, AllLengthsLevelsAndTypes) {
  oracle::Random random(9);
  for (const DataType input : {DataType::kUint8, DataType::kUint16}) {
    for (const DataType output : {DataType::kUint8, DataType::kUint16}) {
      LookupTable table{input, output, {}};
      const std::int32_t levels = oracle::greatest(input) + 1;
      table.entries = random.vector<std::uint16_t>(levels, 0, oracle::greatest(output));
      for (const std::int64_t count :
           {0, 1, 15, 16, 31, 33, 63, 64, 65, 127, 129, 256, 1000, 100000}) {
        Levels in;
        for (std::int64_t i = 0; i < count; ++i) {
          in.push_back(static_cast<std::int32_t>((i * 7 + i / 256) % levels));
        }
        Levels want;
        for (const std::int32_t q : in) want.push_back(table[static_cast<std::size_t>(q)]);
        for (const Isa isa : available_isas()) {
          for (const int threads : {1, 3}) {
            ThreadPool pool(threads);
            oracle::Elements source(input, in);
            oracle::Elements out(output, count);
            lookup(source.data(), out.data(), count, table, isa, pool);
            EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa) << " " << count;
            if (input != output) continue;
            lookup(source.data(), source.data(), count, table, isa, pool);
            EXPECT_EQ(oracle::difference(source.levels(), want), "") << "in place";
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace quant::integer
