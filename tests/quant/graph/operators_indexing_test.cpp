// SPDX-License-Identifier: MIT
// Slice, Gather*, Scatter*, TopK, OneHot, NonZero, Compress: semantics at the edges, and indices
// that point outside.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "quant/graph/run_operator.h"

namespace quant::test {
namespace {

using testing::ElementsAre;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> floats_of(const Result<Tensor>& result) {
  EXPECT_TRUE(result) << result.error().text();
  return result ? values<float>(*result) : std::vector<float>{};
}

TEST(Slice, ClampsLikeNumpy) {
  const Tensor x = floats({0, 1, 2, 3, 4});
  const auto cut = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return floats_of(
        run(OpKind::kSlice, {x, ints({start}), ints({end}), std::nullopt, ints({step})}));
  };
  EXPECT_THAT(cut(1, 4, 2), ElementsAre(1, 3));
  EXPECT_THAT(cut(-2, kMax, 1), ElementsAre(3, 4));
  EXPECT_THAT(cut(3, 1, 1), ElementsAre());
  EXPECT_THAT(cut(kMax, kMin, -1), ElementsAre(4, 3, 2, 1, 0));
  EXPECT_THAT(cut(3, 0, -2), ElementsAre(3, 1));
  EXPECT_THAT(cut(-1, -6, -4), ElementsAre(4, 0));
  EXPECT_THAT(cut(kMin, kMax, kMax), ElementsAre(0));
  EXPECT_THAT(cut(kMax, kMin, kMin), ElementsAre(4));
}

TEST(Slice, AxesBackwardsAndEmpty) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(floats_of(run(OpKind::kSlice,
                            {x, ints({1, -1}), ints({2, kMin}), ints({0, -1}), ints({1, -1})})),
              ElementsAre(5, 4, 3));
  const auto empty = run(OpKind::kSlice, {Tensor(DataType::kFloat32, {0, 3}), ints({-1}),
                                          ints({kMin}), ints({0}), ints({-1})});
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->shape(), (Shape{0, 3}));
}

TEST(Slice, RefusesBadArguments) {
  const Tensor x = counting({2, 3});
  EXPECT_FALSE(run(OpKind::kSlice, {x, ints({0}), ints({1}), ints({0}), ints({0})}));
  EXPECT_FALSE(run(OpKind::kSlice, {x, ints({0, 0}), ints({1})}));
  EXPECT_FALSE(run(OpKind::kSlice, {x, ints({0, 0}), ints({1, 1}), ints({1, -1})}));
  EXPECT_FALSE(run(OpKind::kSlice, {x, ints({0, 0, 0}), ints({1, 1, 1})}));
  EXPECT_FALSE(run_late(OpKind::kSlice, {x, ints({0}), ints({1}), ints({2})}));
}

TEST(Slice, InfersTheAxesItKnows) {
  const TensorType list_type{DataType::kInt64, {1}};
  const std::vector<TensorType> types = {
      {DataType::kFloat32, {4, -1, 6}}, list_type, list_type, list_type};
  EXPECT_EQ(infer(OpKind::kSlice, types, {std::nullopt, ints({1}), ints({3}), ints({2})})->shape,
            (Shape{4, -1, 2}));
  EXPECT_EQ(infer(OpKind::kSlice, types, {std::nullopt, std::nullopt, ints({3}), ints({2})})->shape,
            (Shape{4, -1, -1}));
  EXPECT_EQ(infer(OpKind::kSlice, types)->shape, (Shape{-1, -1, -1}));
}

TEST(Gather, NegativeIndicesAndScalarIndices) {
  const Tensor x = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto columns =
      run(OpKind::kGather, {x, tensor<std::int64_t>({1, 2}, {-1, 0})}, {{"axis", std::int64_t{1}}});
  ASSERT_TRUE(columns);
  EXPECT_EQ(columns->shape(), (Shape{2, 1, 2}));
  EXPECT_THAT(values<float>(*columns), ElementsAre(3, 1, 6, 4));
  const auto row = run(OpKind::kGather, {x, Tensor::scalar(std::int32_t{1})});
  ASSERT_TRUE(row);
  EXPECT_EQ(row->shape(), (Shape{3}));
  for (const std::int64_t outside : {std::int64_t{2}, std::int64_t{-3}, kMax, kMin}) {
    EXPECT_EQ(run_late(OpKind::kGather, {x, ints({outside})}).error().code, ErrorCode::kOutOfRange);
  }
  EXPECT_FALSE(run(OpKind::kGather, {Tensor::scalar(1.0F), ints({0})}));
}

TEST(GatherElements, PicksAlongTheAxis) {
  const Tensor x = tensor<float>({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_THAT(floats_of(run(OpKind::kGatherElements,
                            {x, tensor<std::int64_t>({2, 3}, {1, -1, 0, 2, 0, 0})})),
              ElementsAre(4, 8, 3, 7, 2, 3));
  EXPECT_THAT(floats_of(run(OpKind::kGatherElements, {x, tensor<std::int64_t>({2, 1}, {2, 0})},
                            {{"axis", std::int64_t{1}}})),
              ElementsAre(3, 4));
  EXPECT_FALSE(run_late(OpKind::kGatherElements, {x, tensor<std::int64_t>({1, 1}, {3})}));
  // Four columns of indices for three of data: the fourth would read past each row.
  EXPECT_FALSE(run(OpKind::kGatherElements, {x, Tensor(DataType::kInt64, {3, 4})}));
  EXPECT_FALSE(run(OpKind::kGatherElements, {x, ints({0})}));
}

TEST(GatherND, WithAndWithoutBatches) {
  const Tensor x = counting({2, 2, 2});
  EXPECT_THAT(floats_of(run(OpKind::kGatherND, {x, tensor<std::int64_t>({2, 2}, {0, 1, -1, 0})})),
              ElementsAre(2, 3, 4, 5));
  const auto batched = run(OpKind::kGatherND, {x, tensor<std::int64_t>({2, 1}, {1, 0})},
                           {{"batch_dims", std::int64_t{1}}});
  ASSERT_TRUE(batched);
  EXPECT_EQ(batched->shape(), (Shape{2, 2}));
  EXPECT_THAT(values<float>(*batched), ElementsAre(2, 3, 4, 5));
  EXPECT_FALSE(run_late(OpKind::kGatherND, {x, tensor<std::int64_t>({1, 1}, {2})}));
  EXPECT_FALSE(run(OpKind::kGatherND, {x, tensor<std::int64_t>({1, 4}, {0, 0, 0, 0})}));
  EXPECT_FALSE(run(OpKind::kGatherND, {x, tensor<std::int64_t>({3, 1}, {0, 0, 0})},
                   {{"batch_dims", std::int64_t{1}}}));
  EXPECT_FALSE(run(OpKind::kGatherND, {x, tensor<std::int64_t>({2, 1}, {0, 0})},
                   {{"batch_dims", std::int64_t{3}}}));
}

TEST(ScatterElements, AppliesUpdatesInOrder) {
  const Tensor x = floats({1, 2, 3});
  const Tensor twice = ints({1, -2});
  const auto scattered = [&](const char* reduction) {
    return floats_of(run(OpKind::kScatterElements, {x, twice, floats({5, -4})},
                         {{"reduction", std::string(reduction)}}));
  };
  EXPECT_THAT(scattered("none"), ElementsAre(1, -4, 3));
  EXPECT_THAT(scattered("add"), ElementsAre(1, 3, 3));
  EXPECT_THAT(scattered("mul"), ElementsAre(1, -40, 3));
  EXPECT_THAT(scattered("max"), ElementsAre(1, 5, 3));
  EXPECT_THAT(scattered("min"), ElementsAre(1, -4, 3));
  EXPECT_FALSE(run(OpKind::kScatterElements, {x, twice, floats({5, -4})},
                   {{"reduction", std::string("mean")}}));
  EXPECT_FALSE(run(OpKind::kScatterElements, {x, twice, floats({5})}));
  EXPECT_FALSE(run_late(OpKind::kScatterElements, {x, ints({3}), floats({5})}));
  EXPECT_THAT(values<float>(x), ElementsAre(1, 2, 3));  // the data is copied, not written
}

TEST(ScatterElements, AlongTheLastAxis) {
  const Tensor x = counting({2, 3});
  EXPECT_THAT(
      floats_of(run(OpKind::kScatterElements,
                    {x, tensor<std::int64_t>({2, 1}, {2, 0}), tensor<float>({2, 1}, {10, 20})},
                    {{"axis", std::int64_t{-1}}})),
      ElementsAre(0, 1, 10, 20, 4, 5));
}

TEST(ScatterND, WritesSlices) {
  const Tensor x = counting({3, 2});
  EXPECT_THAT(floats_of(run(OpKind::kScatterND, {x, tensor<std::int64_t>({2, 1}, {2, 0}),
                                                 tensor<float>({2, 2}, {10, 11, 20, 21})})),
              ElementsAre(20, 21, 2, 3, 10, 11));
  EXPECT_THAT(
      floats_of(run(OpKind::kScatterND, {x, tensor<std::int64_t>({1, 2}, {1, -1}), floats({5})},
                    {{"reduction", std::string("add")}})),
      ElementsAre(0, 1, 2, 8, 4, 5));
  EXPECT_FALSE(
      run(OpKind::kScatterND, {x, tensor<std::int64_t>({1, 1}, {0}), tensor<float>({1, 1}, {1})}));
  EXPECT_FALSE(run_late(OpKind::kScatterND,
                        {x, tensor<std::int64_t>({1, 1}, {3}), tensor<float>({1, 2}, {1, 1})}));
  EXPECT_FALSE(run(OpKind::kScatterND, {x, tensor<std::int64_t>({1, 3}, {0, 0, 0}), floats({1})}));
}

TEST(TopK, OrdersTiesByIndexAndNaNFirst) {
  const auto both = run_all(OpKind::kTopK, {floats({1, 3, kNaN, 3, 2}), ints({4})}, {}, 2);
  ASSERT_TRUE(both);
  EXPECT_TRUE(std::isnan(values<float>((*both)[0])[0]));
  EXPECT_THAT(values<std::int64_t>((*both)[1]), ElementsAre(2, 1, 3, 4));
  const auto smallest = run_all(OpKind::kTopK, {tensor<float>({2, 2}, {4, 1, 3, 2}), ints({1})},
                                {{"axis", std::int64_t{0}}, {"largest", std::int64_t{0}}}, 2);
  ASSERT_TRUE(smallest);
  EXPECT_THAT(values<float>((*smallest)[0]), ElementsAre(3, 1));
  EXPECT_THAT(values<std::int64_t>((*smallest)[1]), ElementsAre(1, 0));
  EXPECT_FALSE(run_late(OpKind::kTopK, {floats({1}), ints({2})}, {}, 2));
  EXPECT_FALSE(run_late(OpKind::kTopK, {floats({1}), ints({-1})}, {}, 2));
  EXPECT_EQ(infer(OpKind::kTopK, {{DataType::kFloat32, {2, 9}}, {DataType::kInt64, {1}}})->shape,
            (Shape{2, -1}));
}

TEST(OneHot, MarksNothingOutsideTheDepth) {
  const auto marked =
      run(OpKind::kOneHot, {ints({0, -1, 3, -4}), Tensor::scalar(std::int64_t{3}), floats({0, 1})});
  ASSERT_TRUE(marked);
  EXPECT_EQ(marked->shape(), (Shape{4, 3}));
  EXPECT_THAT(values<float>(*marked), ElementsAre(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  const auto first = run(OpKind::kOneHot, {floats({1, 0}), floats({2}), ints({5, 7})},
                         {{"axis", std::int64_t{0}}});
  ASSERT_TRUE(first);
  EXPECT_THAT(values<std::int64_t>(*first), ElementsAre(5, 7, 7, 5));
  for (const float depth : {0.0F, -1.0F, kNaN, 1e30F}) {
    EXPECT_FALSE(run_late(OpKind::kOneHot, {ints({0}), floats({depth}), floats({0, 1})}));
  }
  EXPECT_FALSE(run(OpKind::kOneHot, {ints({0}), Tensor::scalar(2.0F), floats({0, 1, 2})}));
}

TEST(NonZero, ListsPositionsAndKeepsScalarsEmpty) {
  const auto found = run(OpKind::kNonZero, {tensor<float>({2, 2}, {0, 1, kNaN, 2})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shape(), (Shape{2, 3}));
  EXPECT_THAT(values<std::int64_t>(*found), ElementsAre(0, 1, 1, 1, 0, 1));
  const auto scalar = run(OpKind::kNonZero, {Tensor::scalar(5.0F)});
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->shape(), (Shape{0, 1}));
  EXPECT_EQ(infer(OpKind::kNonZero, {{DataType::kFloat32, {2, 2}}})->shape, (Shape{2, -1}));
}

TEST(Compress, ByAxisAndFlattened) {
  const Tensor x = counting({3, 2});
  EXPECT_THAT(
      floats_of(run(OpKind::kCompress, {x, bools({2}, {0, 1})}, {{"axis", std::int64_t{0}}})),
      ElementsAre(2, 3));
  EXPECT_THAT(floats_of(run_late(OpKind::kCompress, {x, bools({5}, {0, 1, 0, 0, 1})})),
              ElementsAre(1, 4));
  EXPECT_FALSE(run(OpKind::kCompress, {x, bools({3}, {0, 0, 1})}, {{"axis", std::int64_t{1}}}));
  EXPECT_FALSE(run(OpKind::kCompress, {x, floats({1})}));
}

}  // namespace
}  // namespace quant::test
