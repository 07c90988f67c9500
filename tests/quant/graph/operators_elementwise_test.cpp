// SPDX-License-Identifier: MIT
// Arithmetic, activations, comparisons and casts: broadcasting, and the corners of each formula.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "quant/graph/run_operator.h"

namespace quant::test {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kLowest64 = std::numeric_limits<std::int64_t>::min();

std::vector<float> floats_of(const Result<Tensor>& result) {
  EXPECT_TRUE(result) << result.error().text();
  return result ? values<float>(*result) : std::vector<float>{};
}

TEST(Broadcast, StretchesOnesOfBothSides) {
  const auto sum = run(OpKind::kAdd, {tensor<float>({2, 1}, {10, 20}), floats({1, 2, 3})});
  EXPECT_THAT(floats_of(sum), ElementsAre(11, 12, 13, 21, 22, 23));
  EXPECT_EQ(sum->shape(), (Shape{2, 3}));
}

TEST(Broadcast, EveryPairOfAxesAgreesWithIndexArithmetic) {
  // All ways to stretch axes of 2x3x4x5, so that every merging of axes is met.
  const Shape full = {2, 3, 4, 5};
  for (int mask_a = 0; mask_a < 16; ++mask_a) {
    for (int mask_b = 0; mask_b < 16; ++mask_b) {
      Shape a_shape = full;
      Shape b_shape = full;
      Shape out_shape = full;
      for (std::size_t i = 0; i < 4; ++i) {
        if (((mask_a >> i) & 1) != 0) a_shape[i] = 1;
        if (((mask_b >> i) & 1) != 0) b_shape[i] = 1;
        out_shape[i] = std::max(a_shape[i], b_shape[i]);
      }
      const Tensor a = counting(a_shape);
      const Tensor b = counting(b_shape);
      const auto out = run(OpKind::kSub, {a, b});
      ASSERT_TRUE(out) << out.error().text();
      ASSERT_EQ(out->shape(), out_shape);
      const auto offset = [](const Shape& shape, const std::array<std::int64_t, 4>& at) {
        std::int64_t result = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          result = result * shape[i] + (shape[i] == 1 ? 0 : at[i]);
        }
        return static_cast<std::size_t>(result);
      };
      std::array<std::int64_t, 4> at{};
      for (const float value : out->data<float>()) {
        ASSERT_EQ(value,
                  static_cast<float>(offset(a_shape, at)) - static_cast<float>(offset(b_shape, at)))
            << mask_a << " " << mask_b;
        for (std::size_t i = 4; i-- > 0;) {
          if (++at[i] < out_shape[i]) break;
          at[i] = 0;
        }
      }
    }
  }
}

TEST(Broadcast, InfersUnknownDimensions) {
  const auto type =
      infer(OpKind::kAdd, {{DataType::kFloat32, {-1, 1, -1}}, {DataType::kFloat32, {5, -1, 1}}});
  ASSERT_TRUE(type);
  EXPECT_EQ(type->shape, (Shape{5, -1, -1}));
}

TEST(Broadcast, NamesBothShapesThatDoNotFit) {
  const auto sum = run(OpKind::kAdd, {counting({2, 3}), counting({2})});
  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().code, ErrorCode::kInvalidData);
  EXPECT_THAT(sum.error().text(), HasSubstr("2x3"));
}

TEST(Broadcast, RefusesMixedTypes) { EXPECT_FALSE(run(OpKind::kAdd, {floats({1}), ints({1})})); }

TEST(Broadcast, EmptyStaysEmpty) {
  const auto sum = run(OpKind::kMul, {counting({0, 3}), counting({1, 3})});
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->shape(), (Shape{0, 3}));
}

TEST(Div, IntegersGoTowardZero) {
  const auto result = run(OpKind::kDiv, {ints({7, -7, 7, -7}), ints({2, 2, -2, -2})});
  ASSERT_TRUE(result);
  EXPECT_THAT(values<std::int64_t>(*result), ElementsAre(3, -3, -3, 3));
}

// The processor traps on both.
TEST(Div, LowestByMinusOneWrapsAndZeroIsAnError) {
  const auto wrapped = run(OpKind::kDiv, {ints({kLowest64}), ints({-1})});
  ASSERT_TRUE(wrapped);
  EXPECT_THAT(values<std::int64_t>(*wrapped), ElementsAre(kLowest64));
  EXPECT_FALSE(run(OpKind::kDiv, {ints({1}), ints({0})}));
  EXPECT_FALSE(run(OpKind::kMod, {ints({1}), ints({0})}));
  EXPECT_THAT(floats_of(run(OpKind::kDiv, {floats({1, -1}), floats({0})})),
              ElementsAre(kInf, -kInf));
}

TEST(Mod, TakesTheSignOfTheDivisorOrWithFmodOfTheDividend) {
  const Tensor a = ints({-4, 7, 5, 4, -7, 8, kLowest64});
  const Tensor b = ints({2, -3, 8, -2, 3, 5, -1});
  const auto python = run(OpKind::kMod, {a, b});
  const auto c = run(OpKind::kMod, {a, b}, {{"fmod", std::int64_t{1}}});
  ASSERT_TRUE(python && c);
  EXPECT_THAT(values<std::int64_t>(*python), ElementsAre(0, -2, 5, 0, 2, 3, 0));
  EXPECT_THAT(values<std::int64_t>(*c), ElementsAre(0, 1, 5, 0, -1, 3, 0));
  EXPECT_FALSE(run(OpKind::kMod, {floats({1}), floats({2})}));
}

TEST(Arithmetic, IntegersWrap) {
  const auto sum = run(OpKind::kAdd, {list<std::uint8_t>({250}), list<std::uint8_t>({10})});
  const auto product =
      run(OpKind::kMul, {list<std::uint16_t>({65535}), list<std::uint16_t>({65535})});
  const auto negated = run(OpKind::kNeg, {ints({kLowest64, 5})});
  ASSERT_TRUE(sum && product && negated);
  EXPECT_EQ(values<std::uint8_t>(*sum)[0], 4);
  EXPECT_EQ(values<std::uint16_t>(*product)[0], 1);  // 65535² = 2^32 − 2^17 + 1
  EXPECT_THAT(values<std::int64_t>(*negated), ElementsAre(kLowest64, -5));
}

TEST(Pow, KeepsTheTypeOfTheBase) {
  const auto integers = run(OpKind::kPow, {ints({2, 3, -1, 0, 2}), ints({10, 3, -3, 0, -1})});
  ASSERT_TRUE(integers);
  EXPECT_THAT(values<std::int64_t>(*integers), ElementsAre(1024, 27, -1, 1, 0));
  EXPECT_THAT(floats_of(run(OpKind::kPow, {floats({2, -3}), ints({3, 2})})), ElementsAre(8, 9));
  EXPECT_THAT(floats_of(run(OpKind::kPow, {floats({2, -3}), list<double>({2})})),
              ElementsAre(4, 9));
  const auto rounded = run(OpKind::kPow, {ints({10}), floats({0.5F})});
  ASSERT_TRUE(rounded);
  EXPECT_THAT(values<std::int64_t>(*rounded), ElementsAre(3));
}

TEST(BitShift, PastTheWidthGivesZero) {
  const Tensor a = list<std::uint8_t>({0x81, 0x81});
  const Tensor b = list<std::uint8_t>({1, 8});
  const auto left = run(OpKind::kBitShift, {a, b}, {{"direction", std::string("LEFT")}});
  const auto right = run(OpKind::kBitShift, {a, b}, {{"direction", std::string("RIGHT")}});
  ASSERT_TRUE(left && right);
  EXPECT_THAT(values<std::uint8_t>(*left), ElementsAre(0x02, 0));
  EXPECT_THAT(values<std::uint8_t>(*right), ElementsAre(0x40, 0));
  EXPECT_FALSE(run(OpKind::kBitShift, {a, b}, {{"direction", std::string("UP")}}));
}

TEST(MaxMin, BroadcastManyAndKeepNaN) {
  const auto largest = run(
      OpKind::kMax, {floats({1, kNaN, 3}), tensor<float>({2, 1}, {2, 5}), Tensor::scalar(2.5F)});
  ASSERT_TRUE(largest);
  EXPECT_EQ(largest->shape(), (Shape{2, 3}));
  const auto got = values<float>(*largest);
  EXPECT_EQ(got[0], 2.5F);
  EXPECT_TRUE(std::isnan(got[1]));
  EXPECT_EQ(got[2], 3.0F);
  EXPECT_EQ(got[5], 5.0F);
  // The first two alone do not have the shape of the result yet.
  EXPECT_THAT(floats_of(run(OpKind::kSum, {Tensor::scalar(1.0F), floats({2}), floats({3, 4})})),
              ElementsAre(6, 7));
  EXPECT_THAT(floats_of(run(OpKind::kMean, {floats({1, 2}), floats({3, 6})})), ElementsAre(2, 4));
}

TEST(Clip, BoundsAreOptionalAndMaxWins) {
  const Tensor x = floats({-kInf, -1, 0.5F, 7, kNaN});
  const auto low = floats_of(run(OpKind::kClip, {x, Tensor::scalar(0.0F)}));
  EXPECT_THAT(std::vector<float>(low.begin(), low.begin() + 4), ElementsAre(0, 0, 0.5F, 7));
  EXPECT_TRUE(std::isnan(low[4]));
  const auto high = floats_of(run(OpKind::kClip, {x, std::nullopt, floats({1})}));
  EXPECT_THAT(std::vector<float>(high.begin(), high.begin() + 4), ElementsAre(-kInf, -1, 0.5F, 1));
  EXPECT_THAT(
      floats_of(run(OpKind::kClip, {floats({0, 5}), Tensor::scalar(3.0F), Tensor::scalar(1.0F)})),
      ElementsAre(1, 1));
  EXPECT_FALSE(run(OpKind::kClip, {x, floats({0, 1})}));
}

TEST(Where, ChoosesBetweenBroadcastInputs) {
  const auto result =
      run(OpKind::kWhere, {bools({2, 1}, {1, 0}), floats({1, 2, 3}), Tensor::scalar(9.0F)});
  EXPECT_THAT(floats_of(result), ElementsAre(1, 2, 3, 9, 9, 9));
  EXPECT_FALSE(run(OpKind::kWhere, {floats({1}), floats({1}), floats({2})}));
}

TEST(PRelu, SlopeBroadcastsOnlyToTheData) {
  const auto result =
      run(OpKind::kPRelu, {tensor<float>({2, 2}, {-1, 2, -3, -4}), tensor<float>({2, 1}, {2, 3})});
  EXPECT_THAT(floats_of(result), ElementsAre(-2, 2, -9, -12));
  EXPECT_FALSE(run(OpKind::kPRelu, {floats({1, 2}), counting({2, 2})}));
}

TEST(Rounding, HalvesGoToEven) {
  EXPECT_THAT(floats_of(run(OpKind::kRound, {floats({0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F})})),
              ElementsAre(0, 2, 2, 0, -2, -2));
}

// Expected values from the definitions, computed in double precision.
TEST(Activations, AgreeWithTheirDefinitions) {
  const std::vector<float> x = {-100, -3, -0.5F, 0, 0.25F, 1, 4, 100};
  struct Case {
    OpKind kind;
    NamedAttributes attributes;
    double (*definition)(double);
  };
  const std::vector<Case> cases = {
      {OpKind::kSigmoid, {}, [](double v) { return 1 / (1 + std::exp(-v)); }},
      {OpKind::kSilu, {}, [](double v) { return v / (1 + std::exp(-v)); }},
      {OpKind::kSoftplus, {}, [](double v) { return v > 50 ? v : std::log(1 + std::exp(v)); }},
      {OpKind::kMish,
       {},
       [](double v) { return v * std::tanh(v > 50 ? v : std::log(1 + std::exp(v))); }},
      {OpKind::kGelu, {}, [](double v) { return 0.5 * v * (1 + std::erf(v / std::sqrt(2.0))); }},
      {OpKind::kGelu,
       {{"approximate", std::string("tanh")}},
       [](double v) {
         return 0.5 * v *
                (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
       }},
      {OpKind::kHardSwish,
       {},
       [](double v) { return v * std::max(0.0, std::min(1.0, v / 6 + 0.5)); }},
      {OpKind::kHardSigmoid,
       {},
       [](double v) { return std::max(0.0, std::min(1.0, 0.2 * v + 0.5)); }},
      {OpKind::kElu, {{"alpha", 2.0F}}, [](double v) { return v < 0 ? 2 * (std::exp(v) - 1) : v; }},
      {OpKind::kCelu,
       {{"alpha", 2.0F}},
       [](double v) { return std::max(0.0, v) + std::min(0.0, 2 * (std::exp(v / 2) - 1)); }},
      {OpKind::kSelu,
       {},
       [](double v) {
         return 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (std::exp(v) - 1));
       }},
      {OpKind::kSoftsign, {}, [](double v) { return v / (1 + std::abs(v)); }},
      {OpKind::kLeakyRelu, {}, [](double v) { return v < 0 ? 0.01 * v : v; }},
      {OpKind::kThresholdedRelu, {}, [](double v) { return v > 1 ? v : 0; }},
      {OpKind::kShrink,
       {{"lambd", 1.0F}, {"bias", 0.5F}},
       [](double v) { return v < -1  ? v + 0.5
                             : v > 1 ? v - 0.5
                                     : 0; }},
      {OpKind::kErf, {}, [](double v) { return std::erf(v); }},
  };
  for (const Case& tested : cases) {
    const auto got = floats_of(run(tested.kind, {floats(x)}, tested.attributes));
    ASSERT_EQ(got.size(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = tested.definition(static_cast<double>(x[i]));
      EXPECT_NEAR(got[i], expected, 1e-6 * std::max(1.0, std::abs(expected)))
          << to_string(tested.kind) << "(" << x[i] << ")";
    }
  }
  EXPECT_FALSE(run(OpKind::kGelu, {floats(x)}, {{"approximate", std::string("cubic")}}));
  EXPECT_FALSE(run(OpKind::kCelu, {floats(x)}, {{"alpha", 0.0F}}));
}

TEST(Cast, FloatsTruncateAndSaturate) {
  const Tensor x = floats({1.9F, -1.9F, 300, -300, kInf, -kInf, kNaN, 3e9F});
  const auto bytes = run(OpKind::kCast, {x}, {{"to", std::int64_t{2}}});
  const auto words = run(OpKind::kCast, {x}, {{"to", std::int64_t{6}}});
  const auto truth =
      run(OpKind::kCast, {floats({0, -0.0F, 0.5F, kNaN})}, {{"to", std::int64_t{9}}});
  ASSERT_TRUE(bytes && words && truth);
  EXPECT_THAT(values<std::uint8_t>(*bytes), ElementsAre(1, 0, 255, 0, 255, 0, 0, 255));
  EXPECT_THAT(values<std::int32_t>(*words),
              ElementsAre(1, -1, 300, -300, 2147483647, -2147483647 - 1, 0, 2147483647));
  EXPECT_EQ(truth->type(), DataType::kBool);
  EXPECT_THAT(values<std::uint8_t>(*truth), ElementsAre(0, 0, 1, 1));
}

TEST(Cast, IntegersWrapAndStringsAreRefused) {
  const auto bytes = run(OpKind::kCast, {ints({-1, 256, 257})}, {{"to", std::int64_t{2}}});
  ASSERT_TRUE(bytes);
  EXPECT_THAT(values<std::uint8_t>(*bytes), ElementsAre(255, 0, 1));
  EXPECT_EQ(run(OpKind::kCast, {ints({1})}, {{"to", std::int64_t{8}}}).error().code,
            ErrorCode::kUnsupported);
  EXPECT_FALSE(run(OpKind::kCast, {ints({1})}));
}

TEST(Comparison, GivesBoolAndNaNIsNeverEqual) {
  const auto equal = run(OpKind::kEqual, {floats({1, kNaN, 2}), floats({1, kNaN, 3})});
  const auto less = run(OpKind::kLessOrEqual, {ints({1, 2, 3}), ints({2})});
  const auto exclusive = run(OpKind::kXor, {bools({2}, {1, 0}), bools({2, 1}, {1, 0})});
  ASSERT_TRUE(equal && less && exclusive);
  EXPECT_EQ(equal->type(), DataType::kBool);
  EXPECT_THAT(values<std::uint8_t>(*equal), ElementsAre(1, 0, 0));
  EXPECT_THAT(values<std::uint8_t>(*less), ElementsAre(1, 1, 0));
  EXPECT_THAT(values<std::uint8_t>(*exclusive), ElementsAre(0, 1, 1, 0));
  EXPECT_FALSE(run(OpKind::kAnd, {floats({1}), floats({1})}));
}

TEST(IsInf, LooksForTheSignsAskedFor) {
  const Tensor x = floats({kInf, -kInf, 1, kNaN});
  const auto positive = run(OpKind::kIsInf, {x}, {{"detect_negative", std::int64_t{0}}});
  const auto both = run(OpKind::kIsInf, {x});
  ASSERT_TRUE(positive && both);
  EXPECT_THAT(values<std::uint8_t>(*positive), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(values<std::uint8_t>(*both), ElementsAre(1, 1, 0, 0));
}

TEST(Dropout, PassesItsInputAndRefusesTraining) {
  const auto both = run_all(OpKind::kDropout, {floats({1, 2})}, {}, 2);
  ASSERT_TRUE(both);
  EXPECT_THAT(values<float>((*both)[0]), ElementsAre(1, 2));
  EXPECT_THAT(values<std::uint8_t>((*both)[1]), ElementsAre(1, 1));
  const Tensor training = bools({}, {1});
  EXPECT_EQ(run(OpKind::kDropout, {floats({1}), Tensor::scalar(0.5F), training}).error().code,
            ErrorCode::kUnsupported);
  EXPECT_TRUE(run(OpKind::kDropout, {floats({1}), Tensor::scalar(0.0F), training}));
}

TEST(Elementwise, RefusesWrongCountsAndTypes) {
  EXPECT_FALSE(run(OpKind::kAdd, {floats({1})}));
  EXPECT_FALSE(run(OpKind::kAdd, {floats({1}), std::nullopt}));
  EXPECT_EQ(run(OpKind::kExp, {ints({1})}).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(run(OpKind::kExp, {floats({1})}, {}, 2));
}

}  // namespace
}  // namespace quant::test
