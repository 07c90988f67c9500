// SPDX-License-Identifier: MIT
// What is left of networks that move whole channels about. That results stay the same is for
// float_executor_test to say.
#include <gmock/gmock.h>

#include <map>
#include <vector>

#include "quant/engine/float_rewrite.h"
#include "quant/graph/operator.h"
#include "quant/graph/operators/picked.h"

namespace quant {
namespace {

using Ints = std::vector<std::int64_t>;
using testing::ElementsAre;

class Network {
 public:
  ValueId input(const Shape& shape) {
    Value value;
    value.name = "input" + std::to_string(graph_.inputs.size());
    value.shape = shape;
    graph_.inputs.push_back(graph_.add_value(std::move(value)));
    return graph_.inputs.back();
  }
  std::vector<ValueId> add(OpKind op, std::vector<ValueId> inputs, std::size_t outputs = 1,
                           const std::map<std::string, Attribute>& attributes = {}) {
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    for (std::size_t i = 0; i < outputs; ++i) {
      Value value;
      value.shape = {-1};
      node.outputs.push_back(graph_.add_value(std::move(value)));
    }
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    graph_.nodes.push_back(node);
    return node.outputs;
  }
  ValueId reshape(ValueId x, const Ints& shape) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    const ValueId target = graph_.add_constant("shape", Tensor::from<std::int64_t>({rank}, shape));
    return add(OpKind::kReshape, {x, target})[0];
  }
  // The node that makes `id` afterwards.
  Node maker(ValueId id) {
    FloatGraph result{graph_, {id}};
    EXPECT_TRUE(infer_shapes(result.graph));
    pick_channels(result);
    EXPECT_TRUE(infer_shapes(result.graph)) << "what is made must be a graph";
    return result.graph.nodes[*producers(result.graph)[static_cast<std::size_t>(id)]];
  }

 private:
  Graph graph_;
};

const std::map<std::string, Attribute> kChannels = {{"axis", std::int64_t{1}}};

TEST(PickChannels, AShuffledHalfIsPickedFromWhereItWasMade) {
  Network n;
  const ValueId a = n.input({1, 2, 3, 3});
  const ValueId b = n.input({1, 2, 3, 3});
  ValueId x = n.add(OpKind::kConcat, {a, b}, 1, kChannels)[0];
  x = n.reshape(x, {1, 2, 2, 3, 3});
  x = n.add(OpKind::kTranspose, {x}, 1, {{"perm", Ints{0, 2, 1, 3, 4}}})[0];
  x = n.reshape(x, {1, 4, 3, 3});
  const Node node = n.maker(n.add(OpKind::kSplit, {x}, 2, kChannels)[1]);
  EXPECT_EQ(node.op, OpKind::kConcat);
  EXPECT_THAT(node.inputs, ElementsAre(a, b));
  EXPECT_THAT(node.attributes.integers(kPicked), ElementsAre(0, 1, 1, 1));
}

TEST(PickChannels, WhatIsJoinedAgainAsItWasIsTheTensorItself) {
  Network n;
  const ValueId a = n.input({1, 4, 3, 3});
  const auto parts = n.add(OpKind::kSplit, {a}, 2, kChannels);
  const Node node = n.maker(n.add(OpKind::kConcat, {parts[0], parts[1]}, 1, kChannels)[0]);
  EXPECT_EQ(node.op, OpKind::kIdentity);
  EXPECT_THAT(node.inputs, ElementsAre(a));
}

TEST(PickChannels, PlainJoinsAndOtherMovesStay) {
  Network n;
  const ValueId a = n.input({1, 2, 3, 4});
  const ValueId joined = n.add(OpKind::kConcat, {a, a}, 1, kChannels)[0];
  EXPECT_FALSE(n.maker(joined).attributes.has(kPicked));
  const ValueId rows = n.add(OpKind::kConcat, {joined, joined}, 1, {{"axis", std::int64_t{2}}})[0];
  EXPECT_FALSE(n.maker(rows).attributes.has(kPicked));
  const ValueId turned = n.add(OpKind::kTranspose, {joined}, 1, {{"perm", Ints{0, 1, 3, 2}}})[0];
  EXPECT_EQ(n.maker(turned).op, OpKind::kTranspose);
  // The same pixels, but no longer in the rows that the source has.
  const ValueId flat = n.reshape(joined, {1, 4, 12});
  EXPECT_EQ(n.maker(flat).op, OpKind::kReshape);
}

}  // namespace
}  // namespace quant
