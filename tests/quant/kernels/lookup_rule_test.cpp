// SPDX-License-Identifier: MIT
// Rules in the place of tables: what is found makes every entry, on every instruction set; a table
// with one entry that is not of the rule has none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "oracle.h"
#include "quant/kernels/integer/find_lookup_rule.h"
#include "quant/kernels/integer/lookup.h"
#include "quant/kernels/integer/strided_copy.h"

namespace quant::integer {
namespace {

using oracle::Exact;
using oracle::Levels;

constexpr std::int32_t kHighest = 65535;

struct Params {
  AffineParams input, output;
};

template <typename Level>
LookupTable words(const Level& level) {
  LookupTable table{DataType::kUint16, DataType::kUint16, {}};
  for (std::int32_t q = 0; q <= kHighest; ++q)
    table.entries.push_back(static_cast<std::uint16_t>(level(q)));
  return table;
}

// A leaky ReLU in float32, every operation rounded by hand.
LookupTable leaky(const Params& params, float slope) {
  const auto round = [](Exact value) { return oracle::rounded(value, false); };
  return words([&](std::int32_t q) {
    const Exact steps = q - params.input.zero_point;
    const Exact x = round(steps * Exact{params.input.scale});
    const Exact y = x < 0 ? round(x * Exact{slope}) : x;
    return oracle::to_output(round(y / Exact{params.output.scale}), params.output.zero_point, 0,
                             kHighest);
  });
}

// The same real values, cut to [qmin, qmax].
LookupTable requantized(const Params& params, std::int32_t qmin, std::int32_t qmax) {
  const double multiplier = double{params.input.scale} / double{params.output.scale};
  return words([&](std::int32_t q) {
    const Exact x = q - params.input.zero_point;
    const Exact t = oracle::rounded(x * Exact{multiplier}, true);
    return oracle::to_output(t, params.output.zero_point, qmin, qmax);
  });
}

std::vector<Isa> vector_isas() {
  std::vector<Isa> isas = available_isas();
  std::erase(isas, Isa::kRef);
  return isas;
}

Levels looked_up(const LookupTable& table, const Levels& in) {
  Levels out;
  for (const std::int32_t q : in) out.push_back(table[static_cast<std::size_t>(q)]);
  return out;
}

// A rule is found, and makes what the table says: all levels, and lengths that fill no vector. The
// entries are gone by then.
void expect_rule(const LookupTable& table, const Params& params) {
  Levels all(static_cast<std::size_t>(kHighest) + 1);
  std::iota(all.begin(), all.end(), 0);
  for (const Isa isa : vector_isas()) {
    SCOPED_TRACE(to_string(isa));
    LookupTable by_rule{table.input, table.output, {}};
    by_rule.rule = find_lookup_rule(table, params.input, params.output, isa);
    ASSERT_TRUE(is_known(by_rule.rule));
    for (const std::int64_t count : {65536, 0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 58, 4099}) {
      // From both ends on: a range of few lies on either side of the bend.
      const auto first = count % 2 == 0 ? all.begin() : all.end() - count;
      const Levels in(first, first + count);
      const Levels want = looked_up(table, in);
      ThreadPool pool(count > 4096 ? 3 : 1);
      oracle::Elements source(table.input, in);
      oracle::Elements out(table.output, count);
      lookup(source.data(), out.data(), count, by_rule, isa, pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "") << count;
      lookup(source.data(), source.data(), count, by_rule, isa, pool);
      EXPECT_EQ(oracle::difference(source.levels(), want), "") << count << " in place";
    }
  }
}

void expect_no_rule(const LookupTable& table, const Params& params) {
  for (const Isa isa : available_isas())
    EXPECT_FALSE(is_known(find_lookup_rule(table, params.input, params.output, isa)))
        << to_string(isa);
}

// Zero points at the ends and between, scales of the output below and above the input's.
std::vector<Params> some_params() {
  std::vector<Params> result;
  constexpr std::int32_t kOutputs[] = {4711, 0, 65535};
  for (const std::int32_t in : {0, 1, 20000, 65535}) {
    for (const float scale : {3.7e-4F, 3.1e-4F, 1.0F, 4e-6F})
      result.push_back({{3.7e-4F, in}, {scale, kOutputs[result.size() % 3]}});
  }
  return result;
}

TEST(LookupRule, LeakyReluOfAnySlope) {
  for (const Params& params : some_params()) {
    for (const float slope : {0.1F, 0.01F, 0.0F, 0.2F, 1.0F / 3, 1.0F, 1.7F, -0.25F}) {
      SCOPED_TRACE(testing::Message()
                   << slope << ", zero points " << params.input.zero_point << " "
                   << params.output.zero_point << ", to " << params.output.scale);
      expect_rule(leaky(params, slope), params);
    }
  }
}

TEST(LookupRule, RequantizationAndCuts) {
  for (const Params& params : some_params()) {
    for (const std::int32_t qmin : {0, params.output.zero_point}) {
      for (const std::int32_t qmax : {kHighest, 60000}) {
        if (qmin > qmax) continue;
        SCOPED_TRACE(testing::Message()
                     << "zero points " << params.input.zero_point << " " << params.output.zero_point
                     << ", to " << params.output.scale << ", " << qmin << "…" << qmax);
        expect_rule(requantized(params, qmin, qmax), params);
      }
    }
  }
}

TEST(LookupRule, OneLevel) {
  const Params params{{0.01F, 300}, {0.02F, 17}};
  expect_rule(words([](std::int32_t) { return 17; }), params);
  expect_rule(words([](std::int32_t) { return 65535; }), params);
}

TEST(LookupRule, OneEntryThatIsNotOfTheRule) {
  const Params params{{3.7e-4F, 20000}, {3.1e-4F, 4711}};
  for (LookupTable table : {leaky(params, 0.1F), leaky(params, 1.0F), requantized(params, 0, 65535),
                            requantized(params, 4711, 60000)}) {
    for (const std::size_t q : {std::size_t{5}, std::size_t{1023}, std::size_t{1024},
                                std::size_t{19999}, std::size_t{30000}, std::size_t{40000}}) {
      for (const int step : {-1, 1}) {
        const std::uint16_t kept = table.entries[q];
        table.entries[q] = static_cast<std::uint16_t>(kept + step);
        expect_no_rule(table, params);
        table.entries[q] = kept;
      }
    }
  }
}

TEST(LookupRule, OtherFunctionsHaveNone) {
  const Params params{{3.7e-4F, 20000}, {3.1e-4F, 4711}};
  const auto function = [&](auto f) {
    return words([&](std::int32_t q) {
      const double real = (q - params.input.zero_point) * double{params.input.scale};
      return oracle::to_output(f(real) / double{params.output.scale}, params.output.zero_point, 0,
                               kHighest);
    });
  };
  expect_no_rule(function([](double x) { return x / (1 + std::exp(-x)); }), params);
  expect_no_rule(function([](double x) { return 1 / (1 + std::exp(-x)); }), params);
  expect_no_rule(function([](double x) { return x * x; }), params);
  oracle::Random random(3);
  expect_no_rule(words([&](std::int32_t) { return random.in(0, kHighest); }), params);
}

TEST(LookupRule, OfWordsOnly) {
  const Params params{{0.01F, 100}, {0.02F, 50}};
  for (const DataType input : {DataType::kUint8, DataType::kUint16}) {
    for (const DataType output : {DataType::kUint8, DataType::kUint16}) {
      const LookupTable table =
          make_requantize_table(params.input, params.output.scale, {50, 0, 200}, input, output);
      if (input == DataType::kUint16 && output == DataType::kUint16) {
        expect_rule(table, params);
        EXPECT_FALSE(is_known(find_lookup_rule(table, params.input, params.output, Isa::kRef)));
      } else {
        expect_no_rule(table, params);
      }
    }
  }
}

// Rows with gaps, of a copy that moves and looks up at once.
TEST(LookupRule, RowsOfAStridedCopy) {
  oracle::Random random(4);
  const Params params{{3.7e-4F, 20000}, {3.1e-4F, 4711}};
  for (LookupTable table : {leaky(params, 0.1F), requantized(params, 0, 60000)}) {
    for (const Isa isa : vector_isas()) {
      table.rule = find_lookup_rule(table, params.input, params.output, isa);
      ASSERT_TRUE(is_known(table.rule));
      for (const std::int64_t width : {1, 2, 7, 8, 15, 16, 17, 58, 116}) {
        for (const std::int64_t step : {1, 2, 3}) {
          StridedCopySpec spec = concat_spec(9, width, width + 5, 2);
          spec.in_strides = {width * step, step};
          spec.type = DataType::kUint16;
          spec.table = table;
          const Levels in = random.activations(9 * width * step, DataType::kUint16);
          Levels want(static_cast<std::size_t>(9 * (width + 5)), oracle::Elements::kFill);
          for (std::int64_t i = 0; i < 9 * width; ++i) {
            want[static_cast<std::size_t>(i / width * (width + 5) + 2 + i % width)] =
                table[static_cast<std::size_t>(in[static_cast<std::size_t>(i * step)])];
          }
          ThreadPool pool(2);
          oracle::Elements source(DataType::kUint16, in);
          oracle::Elements out(DataType::kUint16, 9 * (width + 5));
          StridedCopy(spec, isa).run(source.data(), out.data(), pool);
          EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa) << " " << width;
        }
      }
    }
  }
}

}  // namespace
}  // namespace quant::integer
