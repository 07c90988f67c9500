// SPDX-License-Identifier: MIT
// Reshape and its kin, Transpose, Concat, Split, Pad, Tile, Expand, space/depth, Trilu, and the
// operators about shapes.
#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "quant/graph/run_operator.h"

namespace quant::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Shape shape_of(const Result<Tensor>& result) {
  EXPECT_TRUE(result) << result.error().text();
  return result ? result->shape() : Shape{};
}

TEST(Reshape, CopiesZerosAndWorksOutOne) {
  const Tensor x = counting({2, 3, 4});
  EXPECT_EQ(shape_of(run(OpKind::kReshape, {x, ints({0, -1})})), (Shape{2, 12}));
  EXPECT_EQ(shape_of(run(OpKind::kReshape, {x, ints({4, 0, 2})})), (Shape{4, 3, 2}));
  EXPECT_EQ(shape_of(run(OpKind::kReshape, {x, ints({-1})})), (Shape{24}));
  EXPECT_EQ(shape_of(run(OpKind::kReshape, {counting({1}), ints({})})), Shape{});
}

TEST(Reshape, AllowZeroMeansZero) {
  const Tensor empty(DataType::kFloat32, {0, 3});
  const NamedAttributes allow = {{"allowzero", std::int64_t{1}}};
  EXPECT_EQ(shape_of(run(OpKind::kReshape, {empty, ints({3, 0})}, allow)), (Shape{3, 0}));
  EXPECT_FALSE(run(OpKind::kReshape, {empty, ints({-1, 0})}, allow));
}

TEST(Reshape, RefusesWhatDoesNotFit) {
  const Tensor x = counting({2, 3});
  for (const std::vector<std::int64_t>& shape :
       std::vector<std::vector<std::int64_t>>{{5},
                                              {4, -1},
                                              {-1, -1},
                                              {-2, 3},
                                              {2, 3, 0},
                                              {std::int64_t{1} << 40, std::int64_t{1} << 40}}) {
    EXPECT_FALSE(run(OpKind::kReshape, {x, ints(shape)}));
    EXPECT_FALSE(run_late(OpKind::kReshape, {x, ints(shape)}));
  }
}

TEST(Reshape, InfersWhatIsKnown) {
  const TensorType data{DataType::kFloat32, {-1, 3, 4}};
  const TensorType two{DataType::kInt64, {2}};
  EXPECT_EQ(infer(OpKind::kReshape, {data, two})->shape, (Shape{-1, -1}));
  EXPECT_EQ(infer(OpKind::kReshape, {data, two}, {std::nullopt, ints({0, 12})})->shape,
            (Shape{-1, 12}));
  EXPECT_EQ(infer(OpKind::kReshape, {data, {DataType::kInt64, {-1}}}).error().code,
            ErrorCode::kUnsupported);
  EXPECT_EQ(shape_of(run_late(OpKind::kReshape, {counting({2, 3}), ints({3, 2})})), (Shape{3, 2}));
}

TEST(Flatten, AxisMayBeTheRank) {
  const Tensor x = counting({2, 3, 4});
  const auto flat = [&](std::int64_t axis) {
    return shape_of(run(OpKind::kFlatten, {x}, {{"axis", axis}}));
  };
  EXPECT_EQ(flat(0), (Shape{1, 24}));
  EXPECT_EQ(flat(2), (Shape{6, 4}));
  EXPECT_EQ(flat(3), (Shape{24, 1}));
  EXPECT_EQ(flat(-1), (Shape{6, 4}));
  EXPECT_FALSE(run(OpKind::kFlatten, {x}, {{"axis", std::int64_t{4}}}));
}

TEST(Squeeze, DropsOnlyOnes) {
  const Tensor x = counting({1, 3, 1, 2});
  EXPECT_EQ(shape_of(run(OpKind::kSqueeze, {x})), (Shape{3, 2}));
  EXPECT_EQ(shape_of(run(OpKind::kSqueeze, {x, ints({-2})})), (Shape{1, 3, 2}));
  EXPECT_FALSE(run(OpKind::kSqueeze, {x, ints({1})}));
}

TEST(Unsqueeze, AxesCountInTheOutput) {
  const Tensor x = counting({3, 2});
  EXPECT_EQ(shape_of(run(OpKind::kUnsqueeze, {x, ints({3, 0})})), (Shape{1, 3, 2, 1}));
  EXPECT_EQ(shape_of(run(OpKind::kUnsqueeze, {x, ints({-1})})), (Shape{3, 2, 1}));
  EXPECT_FALSE(run(OpKind::kUnsqueeze, {x, ints({0, 0})}));
  EXPECT_FALSE(run(OpKind::kUnsqueeze, {x, ints({4})}));
}

TEST(Transpose, EveryPermutationAgreesWithIndexArithmetic) {
  const Shape shape = {3, 2, 5, 4};
  for (const auto type_of_copy :
       {DataType::kFloat32, DataType::kUint8, DataType::kFloat64, DataType::kInt16}) {
    const Tensor x = *run(OpKind::kCast, {counting(shape)},
                          {{"to", std::int64_t{type_of_copy == DataType::kFloat32   ? 1
                                               : type_of_copy == DataType::kUint8   ? 2
                                               : type_of_copy == DataType::kFloat64 ? 11
                                                                                    : 5}}});
    std::vector<std::int64_t> perm = {0, 1, 2, 3};
    do {
      const auto moved = run(OpKind::kTranspose, {x}, {{"perm", perm}});
      ASSERT_TRUE(moved) << moved.error().text();
      const Tensor as_float = *run(OpKind::kCast, {*moved}, {{"to", std::int64_t{1}}});
      std::array<std::int64_t, 4> at{};  // in the output
      for (const float value : as_float.data<float>()) {
        std::array<std::int64_t, 4> source{};
        for (std::size_t i = 0; i < 4; ++i) source[static_cast<std::size_t>(perm[i])] = at[i];
        ASSERT_EQ(value, static_cast<float>(((source[0] * 2 + source[1]) * 5 + source[2]) * 4 +
                                            source[3]));
        for (std::size_t i = 4; i-- > 0;) {
          if (++at[i] < moved->shape()[i]) break;
          at[i] = 0;
        }
      }
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(Transpose, LargerThanATile) {
  const auto moved = run(OpKind::kTranspose, {counting({2, 67, 45})},
                         {{"perm", std::vector<std::int64_t>{2, 0, 1}}});
  ASSERT_TRUE(moved);
  const auto got = moved->data<float>();
  for (std::size_t c = 0; c < 45; ++c) {
    for (std::size_t row = 0; row < 134; ++row) {
      ASSERT_EQ(got[c * 134 + row], static_cast<float>(row * 45 + c));
    }
  }
}

TEST(Transpose, RefusesWhatIsNoPermutation) {
  const Tensor x = counting({2, 3});
  for (const std::vector<std::int64_t>& perm :
       std::vector<std::vector<std::int64_t>>{{0}, {0, 0}, {0, 2}, {0, 1, 2}}) {
    EXPECT_FALSE(run(OpKind::kTranspose, {x}, {{"perm", perm}}));
  }
  EXPECT_EQ(shape_of(run(OpKind::kTranspose, {x})), (Shape{3, 2}));
}

TEST(Concat, AlongAnyAxis) {
  const Tensor a = tensor<float>({2, 1}, {1, 2});
  const Tensor b = tensor<float>({2, 2}, {3, 4, 5, 6});
  const auto joined = run(OpKind::kConcat, {a, b}, {{"axis", std::int64_t{-1}}});
  ASSERT_TRUE(joined);
  EXPECT_THAT(values<float>(*joined), ElementsAre(1, 3, 4, 2, 5, 6));
  EXPECT_FALSE(run(OpKind::kConcat, {a, b}, {{"axis", std::int64_t{0}}}));
  EXPECT_FALSE(run(OpKind::kConcat, {a, b}));
  EXPECT_FALSE(run(OpKind::kConcat, {a, ints({1})}, {{"axis", std::int64_t{0}}}));
  const auto type =
      infer(OpKind::kConcat, {{DataType::kFloat32, {-1, 2}}, {DataType::kFloat32, {4, -1}}}, {},
            {{"axis", std::int64_t{1}}});
  ASSERT_TRUE(type);
  EXPECT_EQ(type->shape, (Shape{4, -1}));
}

TEST(Split, BySizesByNumberAndEvenly) {
  const Tensor x = tensor<float>({1, 7}, {0, 1, 2, 3, 4, 5, 6});
  const NamedAttributes axis = {{"axis", std::int64_t{1}}};
  const auto sized = run_all(OpKind::kSplit, {x, ints({3, 0, 4})}, axis, 3);
  ASSERT_TRUE(sized);
  EXPECT_EQ((*sized)[1].shape(), (Shape{1, 0}));
  EXPECT_THAT(values<float>((*sized)[2]), ElementsAre(3, 4, 5, 6));
  // ⌈7 / 3⌉ each, the last gets what is left.
  const auto numbered = run_all(OpKind::kSplit, {x},
                                {{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{3}}}, 3);
  ASSERT_TRUE(numbered);
  EXPECT_THAT(values<float>((*numbered)[2]), ElementsAre(6));
  EXPECT_FALSE(run_all(OpKind::kSplit, {x}, axis, 3));  // 7 does not divide
  EXPECT_FALSE(run_all(OpKind::kSplit, {x, ints({3, 3})}, axis, 2));
  EXPECT_FALSE(run_all(OpKind::kSplit, {x, ints({8, -1})}, axis, 2));
  EXPECT_FALSE(run_all(OpKind::kSplit, {x, ints({7})}, axis, 2));
  EXPECT_FALSE(run_all(OpKind::kSplit, {x}, {{"num_outputs", std::int64_t{1} << 60}}, 3));
}

TEST(Pad, EachModeOnOneRow) {
  const Tensor x = floats({1, 2, 3});
  const auto padded = [&](const char* mode, std::int64_t begin, std::int64_t end) {
    const auto result = run(OpKind::kPad, {x, ints({begin, end}), Tensor::scalar(9.0F)},
                            {{"mode", std::string(mode)}});
    EXPECT_TRUE(result) << result.error().text();
    return values<float>(*result);
  };
  EXPECT_THAT(padded("constant", 1, 2), ElementsAre(9, 1, 2, 3, 9, 9));
  EXPECT_THAT(padded("edge", 1, 2), ElementsAre(1, 1, 2, 3, 3, 3));
  EXPECT_THAT(padded("reflect", 2, 1), ElementsAre(3, 2, 1, 2, 3, 2));
  EXPECT_THAT(padded("wrap", 1, 2), ElementsAre(3, 1, 2, 3, 1, 2));
  // Further than the row is long.
  EXPECT_THAT(padded("reflect", 0, 4), ElementsAre(1, 2, 3, 2, 1, 2, 3));
  EXPECT_THAT(padded("wrap", 4, 0), ElementsAre(3, 1, 2, 3, 1, 2, 3));
  // Negative pads cut first.
  EXPECT_THAT(padded("constant", -1, 1), ElementsAre(2, 3, 9));
  EXPECT_THAT(padded("edge", -1, 1), ElementsAre(2, 3, 3));
  EXPECT_THAT(padded("reflect", 2, -1), ElementsAre(1, 2, 1, 2));
  EXPECT_THAT(padded("constant", -2, -1), ElementsAre());
}

TEST(Pad, OnlyTheAxesAskedFor) {
  const auto result = run(
      OpKind::kPad, {tensor<float>({2, 2}, {1, 2, 3, 4}), ints({0, 1}), std::nullopt, ints({-1})});
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_THAT(values<float>(*result), ElementsAre(1, 2, 0, 3, 4, 0));
  const auto both = run(OpKind::kPad, {tensor<float>({2, 2}, {1, 2, 3, 4}), ints({1, 0, 0, 1})},
                        {{"mode", std::string("edge")}});
  ASSERT_TRUE(both);
  EXPECT_THAT(values<float>(*both), ElementsAre(1, 2, 2, 1, 2, 2, 3, 4, 4));
}

TEST(Pad, RefusesHostilePads) {
  const Tensor x = floats({1, 2, 3});
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  for (const std::vector<std::int64_t>& pads : std::vector<std::vector<std::int64_t>>{
           {-2, -2}, {kHuge, kHuge}, {-kHuge - 1, kHuge}, {std::int64_t{1} << 33, 0}, {1}, {}}) {
    EXPECT_FALSE(run_late(OpKind::kPad, {x, ints(pads)}));
  }
  EXPECT_FALSE(run(OpKind::kPad, {x, ints({1, 1})}, {{"mode", std::string("mirror")}}));
  // Nothing there that could be repeated.
  EXPECT_FALSE(run(OpKind::kPad, {Tensor(DataType::kFloat32, {0}), ints({1, 0})},
                   {{"mode", std::string("edge")}}));
}

TEST(Tile, RepeatsEachAxis) {
  const auto tiled = run(OpKind::kTile, {tensor<float>({2, 1}, {1, 2}), ints({2, 3})});
  ASSERT_TRUE(tiled);
  EXPECT_EQ(tiled->shape(), (Shape{4, 3}));
  EXPECT_THAT(values<float>(*tiled), ElementsAre(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
  EXPECT_FALSE(run(OpKind::kTile, {counting({2, 1}), ints({2})}));
  EXPECT_FALSE(run(OpKind::kTile, {counting({2}), ints({-1})}));
  EXPECT_FALSE(
      run_late(OpKind::kTile, {counting({2}), ints({std::numeric_limits<std::int64_t>::max()})}));
}

TEST(Expand, BroadcastsBothWays) {
  const auto expanded = run(OpKind::kExpand, {tensor<float>({3, 1}, {1, 2, 3}), ints({2, 1, 2})});
  ASSERT_TRUE(expanded);
  EXPECT_EQ(expanded->shape(), (Shape{2, 3, 2}));
  EXPECT_THAT(values<float>(*expanded), ElementsAre(1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3));
  EXPECT_EQ(shape_of(run(OpKind::kExpand, {counting({3, 1}), ints({1})})), (Shape{3, 1}));
  EXPECT_FALSE(run(OpKind::kExpand, {counting({3}), ints({2})}));
  EXPECT_FALSE(run(OpKind::kExpand, {counting({1}), ints({-1})}));
  EXPECT_EQ(run_late(OpKind::kExpand,
                     {counting({1}), ints({std::int64_t{1} << 20, std::int64_t{1} << 20})})
                .error()
                .code,
            ErrorCode::kOutOfRange);
}

TEST(DepthToSpace, OrdersOfTheChannels) {
  const Tensor x = counting({1, 8, 1, 1});
  const auto dcr = run(OpKind::kDepthToSpace, {x}, {{"blocksize", std::int64_t{2}}});
  const auto crd = run(OpKind::kDepthToSpace, {x},
                       {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}});
  ASSERT_TRUE(dcr && crd);
  EXPECT_EQ(dcr->shape(), (Shape{1, 2, 2, 2}));
  EXPECT_THAT(values<float>(*dcr), ElementsAre(0, 2, 4, 6, 1, 3, 5, 7));
  EXPECT_THAT(values<float>(*crd), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  const auto back = run(OpKind::kSpaceToDepth, {*dcr}, {{"blocksize", std::int64_t{2}}});
  ASSERT_TRUE(back);
  EXPECT_EQ(values<float>(*back), values<float>(x));
  EXPECT_FALSE(run(OpKind::kDepthToSpace, {x}, {{"blocksize", std::int64_t{3}}}));
  EXPECT_FALSE(run(OpKind::kDepthToSpace, {x}, {{"blocksize", std::int64_t{0}}}));
  EXPECT_FALSE(run(OpKind::kSpaceToDepth, {x}, {{"blocksize", std::int64_t{1} << 40}}));
}

TEST(Trilu, BothTrianglesAndHostileDiagonals) {
  const Tensor x = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto cut = [&](std::int64_t upper, std::int64_t k) {
    return values<float>(*run(OpKind::kTrilu, {x, Tensor::scalar(k)}, {{"upper", upper}}));
  };
  EXPECT_THAT(cut(1, 0), ElementsAre(1, 2, 3, 0, 5, 6));
  EXPECT_THAT(cut(1, 1), ElementsAre(0, 2, 3, 0, 0, 6));
  EXPECT_THAT(cut(0, 0), ElementsAre(1, 0, 0, 4, 5, 0));
  EXPECT_THAT(cut(0, -1), ElementsAre(0, 0, 0, 4, 0, 0));
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(cut(1, kHuge), ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_THAT(cut(1, -kHuge - 1), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(cut(0, kHuge), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_FALSE(run(OpKind::kTrilu, {floats({1})}));
}

TEST(ShapeOperator, StartAndEndAreClamped) {
  const Tensor x = counting({2, 3, 4});
  const auto part = [&](const NamedAttributes& attributes) {
    return values<std::int64_t>(*run(OpKind::kShape, {x}, attributes));
  };
  EXPECT_THAT(part({}), ElementsAre(2, 3, 4));
  EXPECT_THAT(part({{"start", std::int64_t{-1}}}), ElementsAre(4));
  EXPECT_THAT(part({{"start", std::int64_t{1}}, {"end", std::int64_t{-1}}}), ElementsAre(3));
  EXPECT_THAT(part({{"start", std::int64_t{-9}}, {"end", std::int64_t{9}}}), ElementsAre(2, 3, 4));
  EXPECT_THAT(part({{"start", std::int64_t{2}}, {"end", std::int64_t{1}}}), ElementsAre());
  EXPECT_THAT(values<std::int64_t>(*run(OpKind::kSize, {x})), ElementsAre(24));
}

template <typename T>
Result<Tensor> range(T start, T limit, T delta) {
  return run_late(OpKind::kRange,
                  {Tensor::scalar(start), Tensor::scalar(limit), Tensor::scalar(delta)});
}

TEST(Range, BothDirectionsAndNone) {
  EXPECT_THAT(values<float>(*range(1.0F, 2.0F, 0.25F)), ElementsAre(1, 1.25F, 1.5F, 1.75F));
  EXPECT_THAT(values<std::int64_t>(*range<std::int64_t>(5, -2, -3)), ElementsAre(5, 2, -1));
  EXPECT_THAT(values<std::int64_t>(*range<std::int64_t>(5, 5, 1)), ElementsAre());
  EXPECT_THAT(values<std::int64_t>(*range<std::int64_t>(5, 9, -1)), ElementsAre());
}

TEST(Range, RefusesHostileNumbers) {
  using Limits = std::numeric_limits<std::int64_t>;
  EXPECT_FALSE(range<std::int64_t>(0, 1, 0));
  EXPECT_FALSE(range(0.0F, 1.0F, 0.0F));
  EXPECT_FALSE(range(0.0F, std::numeric_limits<float>::infinity(), 1.0F));
  EXPECT_FALSE(range(0.0F, std::numeric_limits<float>::quiet_NaN(), 1.0F));
  EXPECT_FALSE(range<std::int64_t>(Limits::min(), Limits::max(), 1));
  // The distance does not fit int64, the count does.
  EXPECT_THAT(
      values<std::int64_t>(*range<std::int64_t>(Limits::min(), Limits::max(), Limits::max())),
      ElementsAre(Limits::min(), -1, Limits::max() - 1));
  EXPECT_THAT(values<std::int64_t>(*range<std::int64_t>(0, -2, Limits::min())), ElementsAre(0));
}

TEST(ConstantOfShape, FillsWithItsValue) {
  const auto made =
      run(OpKind::kConstantOfShape, {ints({2, 2})}, {{"value", list<std::int32_t>({7})}});
  ASSERT_TRUE(made);
  EXPECT_THAT(values<std::int32_t>(*made), ElementsAre(7, 7, 7, 7));
  EXPECT_EQ(shape_of(run(OpKind::kConstantOfShape, {ints({})})), Shape{});
  EXPECT_EQ(infer(OpKind::kConstantOfShape, {{DataType::kInt64, {2}}})->shape, (Shape{-1, -1}));
  EXPECT_FALSE(run_late(OpKind::kConstantOfShape, {ints({-1})}));
  EXPECT_FALSE(
      run_late(OpKind::kConstantOfShape, {ints({std::int64_t{1} << 32, std::int64_t{1} << 32})}));
  EXPECT_FALSE(run(OpKind::kConstantOfShape, {ints({1})}, {{"value", ints({1, 2})}}));
}

TEST(EyeLike, DiagonalsInsideAndOutside) {
  const Tensor x(DataType::kInt32, {2, 3});
  const auto eye = [&](std::int64_t k) {
    return values<float>(*run(OpKind::kEyeLike, {x}, {{"k", k}, {"dtype", std::int64_t{1}}}));
  };
  EXPECT_THAT(eye(0), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_THAT(eye(2), ElementsAre(0, 0, 1, 0, 0, 0));
  EXPECT_THAT(eye(-1), ElementsAre(0, 0, 0, 1, 0, 0));
  EXPECT_THAT(eye(std::numeric_limits<std::int64_t>::min()), ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_FALSE(run(OpKind::kEyeLike, {floats({1})}));
}

}  // namespace
}  // namespace quant::test
