// SPDX-License-Identifier: MIT
#include "quant/backend/match_streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quant {
namespace {

using ::testing::ElementsAre;

TensorInfo output(const std::string& name, Shape shape) {
  return {name, DataType::kUint8, std::move(shape)};
}

TEST(MatchStreams, ByNameWhereverTheyStand) {
  const std::vector<TensorInfo> outputs{output("a", {1, 4, 2, 3}), output("b", {1, 4, 2, 3})};
  const std::vector<StreamShape> streams{{"b", 2, 3, 4}, {"c", 2, 3, 4}, {"net/a", 2, 3, 4}};
  EXPECT_THAT(*match_streams(outputs, streams), ElementsAre(2, 0));
}

TEST(MatchStreams, BySizeWhereItIsUnique) {
  const std::vector<TensorInfo> outputs{output("heat", {1, 1, 8, 6}), output("pos", {1, 2}),
                                        output("box", {1, 4, 8, 6})};
  const std::vector<StreamShape> streams{
      {"net/conv3", 8, 6, 4}, {"net/fc1", 1, 1, 2}, {"net/conv2", 8, 6, 1}};
  EXPECT_THAT(*match_streams(outputs, streams), ElementsAre(2, 1, 0));
}

TEST(MatchStreams, TheRestOfTheNamedOnesBySize) {
  const std::vector<TensorInfo> outputs{output("a", {1, 4, 2, 3}), output("b", {1, 4, 2, 3})};
  const std::vector<StreamShape> streams{{"conv1", 2, 3, 4}, {"a", 2, 3, 4}};
  EXPECT_THAT(*match_streams(outputs, streams), ElementsAre(1, 0));
}

TEST(MatchStreams, RowsAndVectorsByTheirElements) {
  const std::vector<TensorInfo> outputs{output("rows", {1, 5, 7}), output("all", {3, 2})};
  const std::vector<StreamShape> streams{{"x", 1, 1, 6}, {"y", 5, 1, 7}};
  EXPECT_THAT(*match_streams(outputs, streams), ElementsAre(1, 0));
}

TEST(MatchStreams, AmbiguousSizesAreAnErrorThatListsBothSides) {
  const std::vector<TensorInfo> outputs{output("a", {1, 4, 2, 3}), output("b", {1, 4, 2, 3})};
  for (const std::vector<StreamShape>& streams :
       {std::vector<StreamShape>{{"conv1", 2, 3, 4}, {"conv2", 2, 3, 4}},
        std::vector<StreamShape>{{"conv1", 2, 3, 4}, {"conv2", 3, 2, 4}},
        {}}) {
    const auto matched = match_streams(outputs, streams);
    ASSERT_FALSE(matched);
    EXPECT_EQ(matched.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(matched.error().context, "a");
    EXPECT_NE(matched.error().message.find("b 2x3x4"), std::string::npos);
    if (!streams.empty()) {
      EXPECT_NE(matched.error().message.find("conv2"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace quant
