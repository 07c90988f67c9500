// SPDX-License-Identifier: MIT
// Reduce*, ArgMax, ArgMin, CumSum: axes, empty reductions, accuracy, ties.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "quant/graph/run_operator.h"

namespace quant::test {
namespace {

using testing::ElementsAre;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
const NamedAttributes kDropAxes = {{"keepdims", std::int64_t{0}}};

TEST(Reduce, EverySetOfAxesAgreesWithIndexArithmetic) {
  const Shape shape = {2, 3, 4, 5};
  const Tensor x = counting(shape);
  for (int mask = 1; mask < 16; ++mask) {
    std::vector<std::int64_t> axes;
    Shape kept = shape;
    for (std::int64_t i = 0; i < 4; ++i) {
      if (((mask >> i) & 1) == 0) continue;
      axes.push_back(i % 2 == 0 ? i : i - 4);  // some counted from the end
      kept[static_cast<std::size_t>(i)] = 1;
    }
    std::vector<float> expected(static_cast<std::size_t>(element_count(kept)), 0);
    std::int64_t n = 0;
    for (const float value : x.data<float>()) {
      std::int64_t rest = n++;
      std::int64_t to = 0;
      std::int64_t step = 1;
      for (std::size_t i = 4; i-- > 0;) {
        if (kept[i] != 1) {
          to += rest % shape[i] * step;
          step *= shape[i];
        }
        rest /= shape[i];
      }
      expected[static_cast<std::size_t>(to)] += value;
    }
    const auto sum = run(OpKind::kReduceSum, {x, ints(axes)});
    ASSERT_TRUE(sum) << sum.error().text();
    EXPECT_EQ(sum->shape(), kept);
    EXPECT_EQ(values<float>(*sum), expected) << mask;
  }
}

TEST(Reduce, WithoutAxesTakesAllOrWithNoopNone) {
  const Tensor x = tensor<float>({2, 2}, {1, 2, 3, 4});
  const auto all = run(OpKind::kReduceSum, {x}, kDropAxes);
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->shape().empty());
  EXPECT_THAT(values<float>(*all), ElementsAre(10));
  const NamedAttributes noop = {{"noop_with_empty_axes", std::int64_t{1}}};
  for (const OptionalTensors& inputs : {OptionalTensors{x}, OptionalTensors{x, ints({})}}) {
    const auto none = run(OpKind::kReduceSum, inputs, noop);
    ASSERT_TRUE(none);
    EXPECT_THAT(values<float>(*none), ElementsAre(1, 2, 3, 4));
  }
}

TEST(Reduce, EachFunctionOnOneRow) {
  const Tensor x = tensor<float>({1, 4}, {1, -2, 3, -4});
  const auto one = [&](OpKind kind) {
    const auto result = run(kind, {x, ints({1})}, kDropAxes);
    EXPECT_TRUE(result) << to_string(kind);
    return result ? values<float>(*result)[0] : 0;
  };
  EXPECT_EQ(one(OpKind::kReduceL1), 10);
  EXPECT_FLOAT_EQ(one(OpKind::kReduceL2), std::sqrt(30.0F));
  EXPECT_EQ(one(OpKind::kReduceMax), 3);
  EXPECT_EQ(one(OpKind::kReduceMin), -4);
  EXPECT_EQ(one(OpKind::kReduceMean), -0.5F);
  EXPECT_EQ(one(OpKind::kReduceProd), 24);
  EXPECT_EQ(one(OpKind::kReduceSumSquare), 30);
  EXPECT_TRUE(std::isnan(one(OpKind::kReduceLogSum)));  // the sum is negative
  EXPECT_FLOAT_EQ(one(OpKind::kReduceLogSumExp),
                  static_cast<float>(
                      std::log(std::exp(1.0) + std::exp(-2.0) + std::exp(3.0) + std::exp(-4.0))));
}

// In float32 the sum stops growing at 2^24.
TEST(Reduce, LongSumsKeepTheirPrecision) {
  Tensor ones(DataType::kFloat32, {20'000'000});
  for (float& value : ones.data<float>()) value = 1;
  const auto sum = run(OpKind::kReduceSum, {ones});
  ASSERT_TRUE(sum);
  EXPECT_EQ(values<float>(*sum)[0], 20'000'000.0F);
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  const auto result =
      run(OpKind::kReduceLogSumExp, {tensor<float>({2, 2}, {1000, 1000, -kInf, -kInf}), ints({1})},
          kDropAxes);
  ASSERT_TRUE(result);
  EXPECT_THAT(values<float>(*result), ElementsAre(1000 + std::log(2.0F), -kInf));
}

TEST(Reduce, NaNWinsInMaxAndMin) {
  // Long enough for the unrolled loop, NaN in the middle of a lane.
  std::vector<float> row(40, 1);
  row[21] = kNaN;
  for (const OpKind kind : {OpKind::kReduceMax, OpKind::kReduceMin}) {
    const auto result = run(kind, {floats(row)});
    ASSERT_TRUE(result);
    EXPECT_TRUE(std::isnan(values<float>(*result)[0]));
  }
}

TEST(Reduce, IntegersWrapAndMeanTruncates) {
  const auto product = run(OpKind::kReduceProd, {list<std::int32_t>({1 << 20, 1 << 20})});
  const auto mean = run(OpKind::kReduceMean, {list<std::int32_t>({-3, -4})});
  ASSERT_TRUE(product && mean);
  EXPECT_EQ(values<std::int32_t>(*product)[0], 0);
  EXPECT_EQ(values<std::int32_t>(*mean)[0], -3);  // −3.5 toward zero
}

TEST(Reduce, OfNothingGivesTheNeutralElement) {
  const Tensor none(DataType::kFloat32, {2, 0});
  const auto row = [&](OpKind kind) {
    const auto result = run(kind, {none, ints({1})}, kDropAxes);
    EXPECT_TRUE(result);
    return values<float>(*result);
  };
  EXPECT_THAT(row(OpKind::kReduceSum), ElementsAre(0, 0));
  EXPECT_THAT(row(OpKind::kReduceProd), ElementsAre(1, 1));
  EXPECT_THAT(row(OpKind::kReduceMax), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(row(OpKind::kReduceMin), ElementsAre(kInf, kInf));
  EXPECT_THAT(row(OpKind::kReduceLogSumExp), ElementsAre(-kInf, -kInf));
  EXPECT_FALSE(run(OpKind::kReduceMean, {Tensor(DataType::kInt32, {0})}));
}

TEST(Reduce, RefusesBadAxes) {
  EXPECT_FALSE(run(OpKind::kReduceSum, {counting({2, 2}), ints({2})}));
  EXPECT_FALSE(run(OpKind::kReduceSum, {counting({2, 2}), ints({0, -2})}));  // the same twice
  EXPECT_FALSE(run(OpKind::kReduceSum, {counting({2, 2}), floats({0})}));
}

TEST(Reduce, InfersRunTimeAxes) {
  const std::vector<TensorType> types = {{DataType::kFloat32, {2, 3, 4}}, {DataType::kInt64, {2}}};
  const auto kept = infer(OpKind::kReduceSum, types);
  const auto dropped = infer(OpKind::kReduceSum, types, {}, kDropAxes);
  ASSERT_TRUE(kept && dropped);
  EXPECT_EQ(kept->shape, (Shape{-1, -1, -1}));
  EXPECT_EQ(dropped->shape, (Shape{-1}));
  const auto late = run_late(OpKind::kReduceSum, {counting({2, 3}), ints({1})}, kDropAxes);
  ASSERT_TRUE(late);
  EXPECT_THAT(values<float>(*late), ElementsAre(3, 12));
  EXPECT_FALSE(run_late(OpKind::kReduceSum, {counting({2, 3}), ints({7})}));
}

TEST(ArgMax, BreaksTiesAsAskedAndFindsNaN) {
  const Tensor x = tensor<float>({2, 3}, {1, 5, 5, 2, kNaN, 9});
  const auto first = run(OpKind::kArgMax, {x}, {{"axis", std::int64_t{1}}});
  const auto last = run(OpKind::kArgMax, {x},
                        {{"axis", std::int64_t{-1}}, {"select_last_index", std::int64_t{1}}});
  ASSERT_TRUE(first && last);
  EXPECT_EQ(first->shape(), (Shape{2, 1}));
  EXPECT_THAT(values<std::int64_t>(*first), ElementsAre(1, 1));
  EXPECT_THAT(values<std::int64_t>(*last), ElementsAre(2, 1));
  const auto columns = run(OpKind::kArgMin, {x}, kDropAxes);
  ASSERT_TRUE(columns);
  EXPECT_THAT(values<std::int64_t>(*columns), ElementsAre(0, 1, 0));
  EXPECT_FALSE(
      run(OpKind::kArgMax, {Tensor(DataType::kFloat32, {3, 0})}, {{"axis", std::int64_t{1}}}));
}

TEST(CumSum, ExclusiveAndReverse) {
  const Tensor x = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor axis = Tensor::scalar(std::int32_t{1});
  const auto sum = [&](std::int64_t exclusive, std::int64_t reverse) {
    return values<float>(
        *run(OpKind::kCumSum, {x, axis}, {{"exclusive", exclusive}, {"reverse", reverse}}));
  };
  EXPECT_THAT(sum(0, 0), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(sum(1, 0), ElementsAre(0, 1, 3, 0, 4, 9));
  EXPECT_THAT(sum(0, 1), ElementsAre(6, 5, 3, 15, 11, 6));
  EXPECT_THAT(sum(1, 1), ElementsAre(5, 3, 0, 11, 6, 0));
  EXPECT_THAT(values<float>(*run(OpKind::kCumSum, {x, Tensor::scalar(std::int64_t{-2})})),
              ElementsAre(1, 2, 3, 5, 7, 9));
  EXPECT_FALSE(run_late(OpKind::kCumSum, {x, Tensor::scalar(std::int64_t{2})}));
}

}  // namespace
}  // namespace quant::test
