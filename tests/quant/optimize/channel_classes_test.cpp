// SPDX-License-Identifier: MIT
#include "quant/optimize/channel_classes.h"

#include <gmock/gmock.h>

#include <set>

#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::Each;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::IsEmpty;

using Labels = std::vector<std::int32_t>;

// Writes down a network; its 1x1 convolutions have `channels` outputs.
class ChannelClassesTest : public ::testing::Test {
 protected:
  ValueId frame(std::int64_t channels = 3) { return builder_.input("x", {1, channels, 4, 4}); }
  ValueId convolution(ValueId from, std::int64_t inputs, std::int64_t channels) {
    return builder_.node(OpKind::kConv, {from, builder_.random({channels, inputs, 1, 1}, 1)});
  }
  ValueId node(OpKind op, std::vector<ValueId> inputs, Attributes more = {}) {
    return builder_.node(op, std::move(inputs), std::move(more));
  }
  ValueId concat(std::vector<ValueId> inputs) {
    return node(OpKind::kConcat, std::move(inputs), attributes({{"axis", std::int64_t{1}}}));
  }
  ValueId slice(ValueId from, std::int64_t begin, std::int64_t end) {
    return node(OpKind::kSlice, {from, builder_.integers({begin}), builder_.integers({end}),
                                 builder_.integers({1})});
  }
  ValueId reshape(ValueId from, const std::vector<std::int64_t>& shape) {
    return node(OpKind::kReshape, {from, builder_.integers(shape)});
  }
  ValueId transpose(ValueId from, std::vector<std::int64_t> order) {
    return node(OpKind::kTranspose, {from}, attributes({{"perm", std::move(order)}}));
  }

  // Of the network with a convolution of `inputs` channels behind `last`.
  void find(ValueId last, std::int64_t inputs, const std::vector<ValueId>& untouched = {}) {
    const Graph graph = builder_.build({convolution(last, inputs, 2)});
    classes_ = channel_classes(graph, untouched);
  }
  const Labels& of(ValueId id) const { return classes_.of[static_cast<std::size_t>(id)]; }

  GraphBuilder builder_;
  ChannelClasses classes_;
};

TEST_F(ChannelClassesTest, GoFromConvolutionToConvolution) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 4);
  const ValueId b = node(OpKind::kRelu, {a});
  const ValueId c =
      node(OpKind::kMaxPool, {b}, attributes({{"kernel_shape", std::vector<std::int64_t>{2, 2}}}));
  find(c, 4);
  EXPECT_EQ(classes_.count, 4U);
  EXPECT_THAT(of(x), IsEmpty());
  EXPECT_THAT(of(a), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(of(b), of(a));
  EXPECT_EQ(of(c), of(a));
}

TEST_F(ChannelClassesTest, ASumHasOneClassAChannel) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 3);
  const ValueId b = convolution(node(OpKind::kRelu, {a}), 3, 3);
  const ValueId sum = node(OpKind::kAdd, {a, b});
  find(sum, 3);
  EXPECT_EQ(classes_.count, 3U);
  EXPECT_EQ(of(b), of(a));
  EXPECT_EQ(of(sum), of(a));
}

TEST_F(ChannelClassesTest, AnythingElseOnTheWayFixesThemAll) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 3);
  const ValueId b = convolution(node(OpKind::kSigmoid, {a}), 3, 3);
  const ValueId sum = node(OpKind::kAdd, {a, b});
  find(sum, 3);
  EXPECT_EQ(classes_.count, 0U);
  EXPECT_THAT(classes_.of, Each(IsEmpty()));
}

TEST_F(ChannelClassesTest, AConstantThatIsAddedFixesThem) {
  const ValueId a = convolution(frame(), 3, 3);
  find(node(OpKind::kAdd, {a, builder_.random({1, 3, 1, 1}, 1)}), 3);
  EXPECT_EQ(classes_.count, 0U);
}

TEST_F(ChannelClassesTest, ConcatenationPutsThemBesideEachOther) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 2);
  const ValueId b = convolution(x, 3, 3);
  const ValueId both = concat({b, a});
  find(both, 5);
  EXPECT_THAT(of(a), ElementsAre(0, 1));
  EXPECT_THAT(of(b), ElementsAre(2, 3, 4));
  EXPECT_THAT(of(both), ElementsAre(2, 3, 4, 0, 1));
}

TEST_F(ChannelClassesTest, AFixedPartOfAConcatenationLeavesTheOthersFree) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 2);
  const ValueId both = concat({x, a});
  find(both, 5);
  EXPECT_THAT(of(both), ElementsAre(kFixedScale, kFixedScale, kFixedScale, 0, 1));
}

TEST_F(ChannelClassesTest, FollowAShuffle) {
  const ValueId a = convolution(frame(), 3, 6);
  const ValueId pairs = reshape(a, {1, 2, 3, 4, 4});
  const ValueId shuffled = reshape(transpose(pairs, {0, 2, 1, 3, 4}), {1, 6, 4, 4});
  find(shuffled, 6);
  EXPECT_THAT(of(a), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(of(shuffled), ElementsAre(0, 3, 1, 4, 2, 5));
  EXPECT_THAT(of(pairs), IsEmpty());
}

TEST_F(ChannelClassesTest, FollowHalvesThatComeTogetherAgain) {
  const ValueId a = convolution(frame(), 3, 4);
  const ValueId first = slice(a, 0, 2);
  const ValueId second = convolution(slice(a, 2, 4), 2, 2);
  const ValueId both = concat({first, second});
  find(both, 4);
  EXPECT_THAT(of(a), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(of(both), ElementsAre(0, 1, of(second)[0], of(second)[1]));
  EXPECT_EQ(classes_.count, 6U);
}

// Every channel behind it is made of all four rows and columns of one before, so that two channels
// would have to be one.
TEST_F(ChannelClassesTest, PositionsThatBecomeChannelsAreFixed) {
  const ValueId a = convolution(frame(), 3, 4);
  const ValueId turned = transpose(a, {0, 2, 1, 3});
  find(turned, 4);
  EXPECT_EQ(classes_.count, 0U);
}

TEST_F(ChannelClassesTest, UntouchedValuesAndOutputsStay) {
  const ValueId x = frame();
  const ValueId a = convolution(x, 3, 3);
  const ValueId b = convolution(a, 3, 3);
  find(b, 3, {a});
  EXPECT_THAT(of(a), IsEmpty());
  EXPECT_THAT(of(b), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace quant
