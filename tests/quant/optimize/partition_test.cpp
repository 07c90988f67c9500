// SPDX-License-Identifier: MIT
#include "quant/optimize/partition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::attributes;
using testing::GraphBuilder;

std::vector<std::string> host_layers(const Graph& graph) {
  const auto host = partition(graph);
  EXPECT_TRUE(host) << host.error().text();
  std::vector<std::string> names;
  for (std::size_t i = 0; host && i < graph.nodes.size(); ++i) {
    if ((*host)[i]) names.push_back(graph.nodes[i].name);
  }
  return names;
}

TEST(Partition, AnAllIntegerNetworkHasNoHostPart) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  EXPECT_TRUE(host_layers(builder.build({builder.node(OpKind::kSigmoid, {conv})})).empty());
}

TEST(Partition, BoxDecodingRunsOnTheHostFromTheLayersOn) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  const ValueId moved = builder.node(OpKind::kTranspose, {conv},
                                     attributes({{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}));
  const ValueId flat = builder.node(OpKind::kReshape, {moved, builder.integers({1, 64, 4})});
  const ValueId small = builder.node(OpKind::kMul, {flat, builder.constant({}, {0.1F})});
  const ValueId boxes = builder.node(OpKind::kMul, {small, builder.random({64, 4}, 1)});
  const Graph graph = builder.build({boxes});
  EXPECT_THAT(host_layers(graph),
              ::testing::ElementsAre("transpose1", "reshape1", "ew_mult1", "ew_mult2"));
}

TEST(Partition, AReshapeThatIsAnOutputStaysInteger) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId conv = builder.node(OpKind::kConv, {x, builder.random({4, 3, 1, 1}, 1)});
  const ValueId flat = builder.node(OpKind::kReshape, {conv, builder.integers({1, 256})});
  EXPECT_TRUE(host_layers(builder.build({flat})).empty());
}

TEST(Partition, PositionConstantsInFrontOfLayersStayInteger) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId sum = builder.node(OpKind::kAdd, {x, builder.random({1, 3, 8, 8}, 1)});
  const ValueId conv = builder.node(OpKind::kConv, {sum, builder.random({4, 3, 1, 1}, 1)});
  EXPECT_TRUE(host_layers(builder.build({conv})).empty());
}

TEST(Partition, LayersBehindAnOperatorWithoutIntegerFormAreAnErrorThatListsAll) {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId first = builder.node(OpKind::kLogSoftmax, {x});
  const ValueId second = builder.node(OpKind::kCumSum, {x, builder.integers({1})});
  const ValueId sum = builder.node(
      OpKind::kAdd, {builder.node(OpKind::kConv, {first, builder.random({4, 3, 1, 1}, 1)}),
                     builder.node(OpKind::kConv, {second, builder.random({4, 3, 1, 1}, 1)})});
  const Graph graph = builder.build({sum});
  const auto host = partition(graph);
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(host.error().text(),
              ::testing::AllOf(::testing::HasSubstr("LogSoftmax"), ::testing::HasSubstr("CumSum")));
}

}  // namespace
}  // namespace quant
