// SPDX-License-Identifier: MIT
#include "quant/optimize/plan_precision.h"

#include <gmock/gmock.h>

#include "quant/graph_builder.h"
#include "quant/optimize/precision_changes.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::IsEmpty;
using testing::padded;

constexpr PrecisionMode kEight{8, 8, 8};
constexpr PrecisionMode kSixteen{16, 16, 16};

// conv1 → activation1 → reshape1 → ew_add1(reshape1, reshape2 of conv2) → concat1.
struct Net {
  enum Layer : std::size_t { kConv1, kRelu, kConv2, kReshape1, kReshape2, kAdd, kConcat };
  Graph graph;
  std::vector<std::optional<PrecisionMode>> asked{7};

  Net() {
    GraphBuilder builder;
    const ValueId x = builder.input("x", {1, 3, 8, 8});
    const ValueId first = builder.node(
        OpKind::kRelu,
        {builder.node(OpKind::kConv, {x, builder.random({4, 3, 3, 3}, 0.5F)}, padded(1))});
    const ValueId second =
        builder.node(OpKind::kConv, {x, builder.random({4, 3, 3, 3}, 0.5F)}, padded(1));
    const ValueId shape = builder.integers({1, 4, 64});
    const ValueId a = builder.node(OpKind::kReshape, {first, shape});
    const ValueId b = builder.node(OpKind::kReshape, {second, shape});
    const ValueId sum = builder.node(OpKind::kAdd, {a, b});
    graph = builder.build({builder.node(OpKind::kConcat, {sum, a},
                                        testing::attributes({{"axis", std::int64_t{1}}}))});
  }
};

TEST(PlanPrecision, NothingAskedIsEightBits) {
  const Net net;
  for (const PrecisionMode& mode : plan_precision(net.graph, net.asked)) EXPECT_EQ(mode, kEight);
}

TEST(PlanPrecision, ActivationsAndMovementFollowWhatTheyRead) {
  Net net;
  net.asked[Net::kConv1] = kSixteen;
  const auto modes = plan_precision(net.graph, net.asked);
  EXPECT_EQ(modes[Net::kRelu], kSixteen);
  EXPECT_EQ(modes[Net::kReshape1], kSixteen);
  EXPECT_EQ(modes[Net::kConv2], kEight);
  EXPECT_EQ(modes[Net::kReshape2], kEight);
  EXPECT_EQ(modes[Net::kAdd], kEight) << "it computes: its bits are its own";
  EXPECT_EQ(modes[Net::kConcat], kEight) << "one of its inputs has 8";
  net.asked[Net::kAdd] = PrecisionMode{8, 8, 16};
  EXPECT_EQ(plan_precision(net.graph, net.asked)[Net::kConcat], kSixteen);
}

TEST(PlanPrecision, LayersThatPassOnPutOutWhatTheyRead) {
  Net net;
  net.asked[Net::kReshape1] = PrecisionMode{16, 8, 8};
  EXPECT_EQ(plan_precision(net.graph, net.asked)[Net::kReshape1], (PrecisionMode{16, 8, 16}));
}

TEST(PlanPrecision, LinesComeToTheSamePlan) {
  Net net;
  net.asked[Net::kConv1] = kSixteen;
  net.asked[Net::kAdd] = kSixteen;
  const auto modes = plan_precision(net.graph, net.asked);
  EXPECT_THAT(precision_lines(net.graph, modes),
              ElementsAre("quantization_param([conv1, ew_add1], precision_mode=a16_w16)"));
  EXPECT_THAT(precision_lines(net.graph, plan_precision(net.graph, Net().asked)), IsEmpty());
}

TEST(PrecisionChanges, OneForAllReadersOfAValue) {
  Net net;
  net.asked[Net::kConv1] = kSixteen;  // activation1, reshape1 follow; ew_add1 and concat1 read 8
  auto modes = plan_precision(net.graph, net.asked);
  auto bits = value_bits(net.graph, modes);
  std::vector<bool> host(net.graph.nodes.size(), false);
  std::vector<Range> ranges(net.graph.values.size(), Range{-3, 5});
  insert_precision_changes(net.graph, host, net.graph.inputs[0], modes, ranges, bits);
  std::vector<std::string> order;
  for (const Node& node : net.graph.nodes) order.push_back(node.name);
  EXPECT_THAT(order, ElementsAre("conv1", "activation1", "conv2", "reshape1", "reshape2",
                                 "precision_change1", "ew_add1", "concat1"));
  EXPECT_EQ(modes.size(), order.size());
  EXPECT_EQ(host.size(), order.size());
  const Node& change = net.graph.nodes[5];
  EXPECT_EQ(change.op, OpKind::kRequantize);
  EXPECT_EQ(net.graph.nodes[6].inputs[0], change.outputs[0]);
  EXPECT_EQ(net.graph.nodes[7].inputs[1], change.outputs[0]);
  EXPECT_EQ(bits[static_cast<std::size_t>(change.outputs[0])], 8);
  EXPECT_EQ(ranges[static_cast<std::size_t>(change.outputs[0])], (Range{-3, 5}));
}

// Pixels are exact in 8 bits: a convolution of 16 bits reads them as they are.
TEST(PrecisionChanges, NoneBetweenFrameAndConvolution) {
  Net net;
  for (auto& mode : net.asked) mode = kSixteen;
  auto modes = plan_precision(net.graph, net.asked);
  auto bits = value_bits(net.graph, modes);
  std::vector<bool> host(net.graph.nodes.size(), false);
  std::vector<Range> ranges(net.graph.values.size());
  const std::size_t before = net.graph.nodes.size();
  insert_precision_changes(net.graph, host, net.graph.inputs[0], modes, ranges, bits);
  EXPECT_EQ(net.graph.nodes.size(), before);
}

}  // namespace
}  // namespace quant
