// SPDX-License-Identifier: MIT
// The float executor: what it computes, what may be tapped, whose memory the results are, shapes
// that come at run time, and that its fast forms (fused, channels last) change nothing but the last
// bits.
#include "quant/engine/float_executor.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "quant/graph/operator.h"

namespace quant {
namespace {

using Ints = std::vector<std::int64_t>;
using testing::ElementsAre;
using testing::HasSubstr;

Tensor random_tensor(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  Tensor tensor(DataType::kFloat32, shape);
  for (float& value : tensor.data<float>()) value = distribution(generator);
  return tensor;
}

// Builds small graphs; shapes are inferred as nodes are added.
class Builder {
 public:
  ValueId input(const std::string& name, const Shape& shape, DataType type = DataType::kFloat32) {
    Value value;
    value.name = name;
    value.type = type;
    value.shape = shape;
    graph_.inputs.push_back(graph_.add_value(std::move(value)));
    return graph_.inputs.back();
  }
  ValueId constant(const Tensor& tensor) {
    return graph_.add_constant("constant" + std::to_string(graph_.values.size()), tensor);
  }
  ValueId weights(const Shape& shape) {
    return constant(random_tensor(shape, static_cast<std::uint32_t>(graph_.values.size())));
  }
  std::vector<ValueId> nodes(OpKind op, const std::vector<ValueId>& inputs, std::size_t outputs,
                             const std::map<std::string, Attribute>& attributes = {}) {
    Node node;
    node.op = op;
    node.name = "layer" + std::to_string(graph_.nodes.size());
    node.inputs = inputs;
    for (std::size_t i = 0; i < outputs; ++i) {
      Value value;
      value.name = node.name + ":" + std::to_string(i);
      value.shape = {-1};
      node.outputs.push_back(graph_.add_value(std::move(value)));
    }
    for (const auto& [name, value] : attributes) node.attributes.set(name, value);
    graph_.nodes.push_back(node);
    return node.outputs;
  }
  ValueId node(OpKind op, const std::vector<ValueId>& inputs,
               const std::map<std::string, Attribute>& attributes = {}) {
    return nodes(op, inputs, 1, attributes)[0];
  }
  ValueId conv(ValueId x, const Shape& weight_shape, std::int64_t stride = 1,
               std::int64_t group = 1) {
    const std::int64_t pad = weight_shape[2] / 2;
    return node(
        OpKind::kConv, {x, weights(weight_shape), weights({weight_shape[0]})},
        {{"pads", Ints{pad, pad, pad, pad}}, {"strides", Ints{stride, stride}}, {"group", group}});
  }
  void output(ValueId id) { graph_.outputs.push_back(id); }
  std::shared_ptr<const Graph> build() { return std::make_shared<const Graph>(graph_); }

 private:
  Graph graph_;
};

FloatExecutor executor_for(const std::shared_ptr<const Graph>& graph, int threads = 1) {
  auto executor = FloatExecutor::create(graph, threads);
  EXPECT_TRUE(executor) << executor.error().text();
  return std::move(*executor);
}

std::vector<Tensor> run(FloatExecutor& executor, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> outputs;
  const Status status = executor.run(inputs, outputs);
  EXPECT_TRUE(status) << status.error().text();
  return outputs;
}

// Every value of the graph, one node after another, each in its plain form.
std::vector<Tensor> reference_values(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t id = 0; id < values.size(); ++id) {
    if (graph.values[id].constant) values[id] = *graph.values[id].constant;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i)
    values[static_cast<std::size_t>(graph.inputs[i])] = inputs[i];
  for (const Node& node : graph.nodes) {
    std::vector<const Tensor*> arguments;
    for (const ValueId id : node.inputs) {
      arguments.push_back(id == kNoValue ? nullptr : &values[static_cast<std::size_t>(id)]);
    }
    auto results = evaluate_node(node, arguments);
    EXPECT_TRUE(results) << results.error().text();
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      values[static_cast<std::size_t>(node.outputs[i])] = (*results)[i];
    }
  }
  return values;
}

void expect_close(const Tensor& actual, const Tensor& expected, const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  ASSERT_EQ(actual.type(), expected.type()) << what;
  if (actual.type() != DataType::kFloat32) return;
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    const float wanted = expected.data<float>()[i];
    ASSERT_NEAR(actual.data<float>()[i], wanted, 2e-5 * (1 + std::fabs(wanted)))
        << what << ", element " << i;
  }
}

// Outputs alone, then with every value tapped: both agree with the plain evaluation.
void expect_agreement(Builder& builder, const std::vector<Tensor>& inputs) {
  const auto graph = builder.build();
  const std::vector<Tensor> expected = reference_values(*graph, inputs);
  FloatExecutor executor = executor_for(graph);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const std::vector<Tensor> outputs = run(executor, inputs);
    ASSERT_EQ(outputs.size(), graph->outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = graph->outputs[i];
      expect_close(outputs[i], expected[static_cast<std::size_t>(id)],
                   "output " + graph->value(id).name);
    }
    std::vector<ValueId> taps;
    for (std::size_t id = 0; id < graph->values.size(); ++id)
      taps.push_back(static_cast<ValueId>(id));
    std::vector<Tensor> tapped;
    const Status status = executor.run_with_taps(inputs, taps, tapped);
    ASSERT_TRUE(status) << status.error().text();
    for (std::size_t id = 0; id < taps.size(); ++id)
      expect_close(tapped[id], expected[id], "tap " + graph->values[id].name);
  }
}

TEST(FloatExecutor, OutputsComeInTheGraphsOrder) {
  Builder b;
  const ValueId x = b.input("x", {2});
  const ValueId negative = b.node(OpKind::kNeg, {x});
  const ValueId absolute = b.node(OpKind::kAbs, {x});
  b.output(absolute);
  b.output(negative);
  FloatExecutor executor = executor_for(b.build());
  const auto outputs = run(executor, {Tensor::from<float>({2}, std::vector<float>{-1, 2})});
  EXPECT_THAT(outputs[0].data<float>(), ElementsAre(1, 2));
  EXPECT_THAT(outputs[1].data<float>(), ElementsAre(1, -2));
}

TEST(FloatExecutor, ChainsOfFastFormsAgreeWithPlainEvaluation) {
  Builder b;
  const ValueId image = b.input("image", {1, 3, 24, 20});
  ValueId x = b.node(OpKind::kRelu, {b.conv(image, {8, 3, 3, 3}, 2)});
  const ValueId early = x;
  x = b.node(OpKind::kRelu, {b.conv(x, {8, 1, 3, 3}, 1, 8)});
  x = b.conv(x, {8, 8, 1, 1});
  x = b.node(OpKind::kRelu, {b.node(OpKind::kAdd, {x, early})});
  const ValueId left = b.node(OpKind::kSigmoid, {b.conv(x, {5, 8, 3, 3})});
  const ValueId wide = b.conv(x, {7, 8, 1, 1});
  const ValueId right = b.node(OpKind::kMul, {wide, b.node(OpKind::kSigmoid, {wide})});
  x = b.node(OpKind::kConcat, {left, right}, {{"axis", std::int64_t{1}}});
  const auto parts =
      b.nodes(OpKind::kSplit, {x, b.constant(Tensor::from<std::int64_t>({2}, Ints{4, 8}))}, 2,
              {{"axis", std::int64_t{1}}});
  x = b.node(OpKind::kMaxPool, {parts[1]},
             {{"kernel_shape", Ints{3, 3}}, {"pads", Ints{1, 1, 1, 1}}});
  x = b.node(OpKind::kClip, {b.conv(x, {4, 8, 3, 3}), b.constant(Tensor::scalar(-0.5F)),
                             b.constant(Tensor::scalar(0.75F))});
  x = b.node(OpKind::kAdd, {x, parts[0]});
  x = b.node(OpKind::kMul, {x, b.weights({1, 4, 1, 1})});
  x = b.node(OpKind::kResize,
             {x, kNoValue, b.constant(Tensor::from<float>({4}, std::vector<float>{1, 1, 2, 2}))},
             {{"mode", std::string("linear")}});
  x = b.node(OpKind::kLeakyRelu, {b.conv(x, {6, 4, 3, 3})}, {{"alpha", 0.1F}});
  b.output(x);
  const ValueId boxes =
      b.node(OpKind::kTranspose, {b.conv(x, {2, 6, 1, 1})}, {{"perm", Ints{0, 2, 3, 1}}});
  b.output(b.node(OpKind::kReshape,
                  {boxes, b.constant(Tensor::from<std::int64_t>({3}, Ints{1, -1, 2}))}));
  b.output(b.node(OpKind::kGlobalAveragePool, {x}));
  expect_agreement(b, {random_tensor({1, 3, 24, 20}, 9)});
}

TEST(FloatExecutor, ChannelShuffleAndPerChannelOperatorsAgree) {
  Builder b;
  const ValueId image = b.input("image", {2, 4, 9, 7});
  ValueId x = b.conv(image, {6, 4, 3, 3});
  x = b.node(OpKind::kBatchNormalization,
             {x, b.weights({6}), b.weights({6}), b.weights({6}),
              b.constant(Tensor::from<float>({6}, std::vector<float>{1, 2, 3, 4, 5, 6}))});
  x = b.node(OpKind::kReshape,
             {x, b.constant(Tensor::from<std::int64_t>({5}, Ints{2, 2, 3, 9, 7}))});
  x = b.node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  x = b.node(OpKind::kReshape, {x, b.constant(Tensor::from<std::int64_t>({4}, Ints{2, 6, 9, 7}))});
  x = b.node(OpKind::kPRelu, {b.conv(x, {3, 6, 1, 1}), b.weights({3, 1, 1})});
  const ValueId gate =
      b.node(OpKind::kHardSigmoid, {b.conv(b.node(OpKind::kGlobalAveragePool, {x}), {3, 3, 1, 1})});
  x = b.node(OpKind::kMul, {x, gate});
  x = b.node(OpKind::kConvTranspose, {x, b.weights({3, 2, 2, 2})}, {{"strides", Ints{2, 2}}});
  x = b.node(OpKind::kSoftmax, {x}, {{"axis", std::int64_t{1}}});
  x = b.node(OpKind::kReduceMean,
             {b.conv(x, {3, 2, 3, 3}), b.constant(Tensor::from<std::int64_t>({1}, Ints{1}))});
  b.output(x);
  expect_agreement(b, {random_tensor({2, 4, 9, 7}, 5)});
}

// Both ways in which exporters write it: five axes and back, and the channels in pairs of rows.
TEST(FloatExecutor, ChannelsMovedThroughShufflesSplitsAndJoinsAgree) {
  Builder b;
  const auto sizes = [&b](const Ints& values) {
    return b.constant(
        Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  };
  const std::map<std::string, Attribute> channels = {{"axis", std::int64_t{1}}};
  const ValueId image = b.input("image", {1, 3, 7, 5});
  const ValueId left = b.conv(image, {6, 3, 3, 3});
  const ValueId right = b.node(OpKind::kRelu, {b.conv(image, {4, 3, 1, 1})});
  ValueId x = b.node(OpKind::kConcat, {left, right}, channels);
  x = b.node(OpKind::kReshape, {x, sizes({1, 2, 5, 7, 5})});
  x = b.node(OpKind::kTranspose, {x}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  x = b.node(OpKind::kReshape, {x, sizes({1, -1, 7, 5})});
  const auto parts = b.nodes(OpKind::kSplit, {x, sizes({4, 6})}, 2, channels);
  const ValueId branch = b.conv(parts[1], {4, 6, 3, 3});
  x = b.node(OpKind::kConcat, {parts[0], branch, right}, channels);
  b.output(b.conv(x, {2, 12, 1, 1}));
  x = b.node(OpKind::kReshape, {x, sizes({6, 2, 35})});
  x = b.node(OpKind::kTranspose, {x}, {{"perm", Ints{1, 0, 2}}});
  x = b.node(OpKind::kReshape, {x, sizes({2, -1, 6, 7, 5})});
  const auto half = [&](std::int64_t which) {
    return b.node(OpKind::kGather, {x, b.constant(Tensor::scalar<std::int64_t>(which))},
                  {{"axis", std::int64_t{0}}});
  };
  const ValueId odd = half(-1);
  const ValueId even = half(0);
  b.output(b.conv(odd, {3, 6, 3, 3}));
  b.output(b.node(OpKind::kMaxPool, {even}, {{"kernel_shape", Ints{2, 2}}}));
  b.output(even);
  // Rows and columns change places: no whole channels.
  x = b.node(OpKind::kTranspose, {x}, {{"perm", Ints{1, 2, 0, 4, 3}}});
  b.output(b.node(OpKind::kReshape, {x, sizes({1, 12, 5, 7})}));
  expect_agreement(b, {random_tensor({1, 3, 7, 5}, 4)});
}

// Two images: channels of both are not one after another.
TEST(FloatExecutor, JoinedAndSplitBatchesAgree) {
  Builder b;
  const std::map<std::string, Attribute> channels = {{"axis", std::int64_t{1}}};
  const ValueId image = b.input("image", {2, 3, 4, 5});
  const ValueId x = b.conv(image, {6, 3, 3, 3});
  const auto parts = b.nodes(OpKind::kSplit, {x}, 2, channels);
  b.output(b.conv(b.node(OpKind::kConcat, {parts[1], x, parts[0]}, channels), {2, 12, 1, 1}));
  expect_agreement(b, {random_tensor({2, 3, 4, 5}, 4)});
}

TEST(FloatExecutor, AnActivationIsNotFusedWhereItsInputIsReadElsewhere) {
  Builder b;
  const ValueId image = b.input("image", {1, 3, 8, 8});
  const ValueId before = b.conv(image, {4, 3, 3, 3});
  const ValueId after = b.node(OpKind::kRelu, {before});
  b.output(b.node(OpKind::kSub, {after, before}));
  b.output(before);
  expect_agreement(b, {random_tensor({1, 3, 8, 8}, 2)});
}

// Guards a bug: the second convolution moves to its addition's place, and the first still looked
// for its reader at the old one.
TEST(FloatExecutor, AConvolutionBeforeAFusedOneAgrees) {
  Builder b;
  const ValueId image = b.input("image", {1, 3, 8, 8});
  const ValueId first = b.conv(image, {4, 3, 3, 3});
  const ValueId second = b.conv(first, {4, 4, 3, 3});
  const ValueId side = b.node(OpKind::kRelu, {b.conv(image, {4, 3, 1, 1})});
  b.output(b.node(OpKind::kRelu, {b.node(OpKind::kAdd, {side, second})}));
  expect_agreement(b, {random_tensor({1, 3, 8, 8}, 2)});
}

// relu(a) + b is no addition before the activation.
TEST(FloatExecutor, AnAdditionBehindAFusedActivationStaysOutside) {
  Builder b;
  const ValueId image = b.input("image", {1, 3, 8, 8});
  const ValueId x = b.node(OpKind::kRelu, {b.conv(image, {3, 3, 3, 3})});
  b.output(b.node(OpKind::kRelu, {b.node(OpKind::kAdd, {x, image})}));
  expect_agreement(b, {random_tensor({1, 3, 8, 8}, 2)});
}

TEST(FloatExecutor, ImagesOfOneAndThreeSpatialAxesAgree) {
  Builder b;
  const ValueId line = b.input("line", {2, 3, 11});
  ValueId x = b.node(OpKind::kConv, {line, b.weights({4, 3, 3})}, {{"pads", Ints{1, 1}}});
  x = b.node(OpKind::kMaxPool, {b.node(OpKind::kTanh, {x})}, {{"kernel_shape", Ints{2}}});
  b.output(b.node(OpKind::kConcat, {x, x}, {{"axis", std::int64_t{-1}}}));
  const ValueId volume = b.input("volume", {1, 2, 4, 5, 6});
  ValueId y = b.node(OpKind::kConv, {volume, b.weights({3, 2, 2, 2, 2})});
  y = b.node(OpKind::kMul, {b.node(OpKind::kExp, {y}), b.weights({3, 1, 1, 1})});
  b.output(b.node(OpKind::kSoftmax, {y}, {{"axis", std::int64_t{1}}}));
  expect_agreement(b, {random_tensor({2, 3, 11}, 2), random_tensor({1, 2, 4, 5, 6}, 3)});
}

// SAME_UPPER makes four outputs of two inputs, of which a kernel of one reaches every other.
TEST(FloatExecutor, TransposedConvolutionsWithRowsOfBiasAgree) {
  Builder b;
  ValueId x = b.conv(b.input("image", {1, 3, 2, 2}), {4, 3, 3, 3});
  x = b.node(OpKind::kConvTranspose, {x, b.weights({4, 2, 1, 1}), b.weights({2})},
             {{"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}});
  x = b.node(OpKind::kConvTranspose,
             {b.conv(x, {4, 2, 3, 3}), b.weights({4, 2, 2, 2}), b.weights({2})},
             {{"strides", Ints{3, 3}}, {"output_padding", Ints{1, 2}}});
  b.output(x);
  expect_agreement(b, {random_tensor({1, 3, 2, 2}, 2)});
}

// Frames that come with their channels last, as TensorFlow's exporters write it.
TEST(FloatExecutor, TransposesAtTheEdgesVanish) {
  Builder b;
  const ValueId image = b.input("image", {1, 6, 5, 3});
  ValueId x = b.node(OpKind::kTranspose, {image}, {{"perm", Ints{0, 3, 1, 2}}});
  x = b.node(OpKind::kTranspose, {b.conv(x, {4, 3, 3, 3})}, {{"perm", Ints{0, 2, 3, 1}}});
  b.output(x);
  b.output(b.node(OpKind::kTranspose, {x}));
  expect_agreement(b, {random_tensor({1, 6, 5, 3}, 2)});
}

TEST(FloatExecutor, RefusesToTapWhatNobodyMakes) {
  Builder b;
  const ValueId x = b.input("x", {2});
  b.output(b.node(OpKind::kRelu, {x}));
  Graph graph = *b.build();
  Value stray;
  stray.name = "stray";
  const ValueId id = graph.add_value(stray);
  FloatExecutor executor = executor_for(std::make_shared<const Graph>(graph));
  std::vector<Tensor> tapped;
  const std::vector<Tensor> inputs{random_tensor({2}, 1)};
  for (const ValueId tap : {id, ValueId{77}, kNoValue}) {
    EXPECT_FALSE(executor.run_with_taps(inputs, std::span(&tap, 1), tapped)) << tap;
  }
}

TEST(FloatExecutor, ResultsAreTheCallersOwn) {
  Builder b;
  const ValueId x = b.input("x", {2, 3});
  const ValueId fixed = b.weights({2, 3});
  const ValueId same = b.node(OpKind::kIdentity, {x});
  const ValueId flat =
      b.node(OpKind::kReshape,
             {b.node(OpKind::kNeg, {x}), b.constant(Tensor::from<std::int64_t>({1}, Ints{6}))});
  for (const ValueId id : {x, fixed, same, flat, flat}) b.output(id);
  const auto graph = b.build();
  FloatExecutor executor = executor_for(graph);
  const Tensor input = random_tensor({2, 3}, 1);
  const Tensor input_copy = input.clone();
  std::vector<Tensor> first = run(executor, {input});
  const std::vector<Tensor> second = run(executor, {input});
  for (Tensor& tensor : first) {
    for (float& value : tensor.data<float>()) value = 42;
  }
  EXPECT_TRUE(std::ranges::equal(input.data<float>(), input_copy.data<float>()));
  EXPECT_NE(graph->value(fixed).constant->data<float>()[0], 42);
  const std::vector<Tensor> third = run(executor, {input});
  for (std::size_t i = 0; i < third.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(second[i].data<float>(), third[i].data<float>())) << i;
  }
  first[3].data<float>()[0] = 1;
  EXPECT_EQ(first[4].data<float>()[0], 42);
}

TEST(FloatExecutor, OpenInputSizesAreFixedByEachRun) {
  Builder b;
  const ValueId image = b.input("image", {1, 3, -1, -1});
  const ValueId x = b.node(OpKind::kRelu, {b.conv(image, {4, 3, 3, 3}, 2)});
  b.output(b.node(OpKind::kGlobalAveragePool, {x}));
  b.output(x);
  const auto graph = b.build();
  FloatExecutor executor = executor_for(graph);
  for (const std::int64_t size : {8, 13, 8}) {
    const Tensor input = random_tensor({1, 3, size, size + 1}, 3);
    const auto outputs = run(executor, {input});
    const auto expected = reference_values(*graph, {input});
    for (std::size_t i = 0; i < 2; ++i)
      expect_close(outputs[i], expected[static_cast<std::size_t>(graph->outputs[i])], "dynamic");
  }
}

TEST(FloatExecutor, ShapesMayBeInputs) {
  Builder b;
  const ValueId x = b.input("x", {2, 6});
  const ValueId shape = b.input("shape", {2}, DataType::kInt64);
  b.output(b.node(OpKind::kRelu, {b.node(OpKind::kReshape, {x, shape})}));
  FloatExecutor executor = executor_for(b.build());
  const Tensor values = random_tensor({2, 6}, 1);
  EXPECT_EQ(run(executor, {values, Tensor::from<std::int64_t>({2}, Ints{3, 4})})[0].shape(),
            (Shape{3, 4}));
  EXPECT_EQ(run(executor, {values, Tensor::from<std::int64_t>({2}, Ints{12, 1})})[0].shape(),
            (Shape{12, 1}));
  std::vector<Tensor> outputs;
  const Status status = executor.run(
      std::vector<Tensor>{values, Tensor::from<std::int64_t>({2}, Ints{5, 5})}, outputs);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), HasSubstr("Reshape 'layer0'"));
  // A failed run leaves nothing behind.
  EXPECT_EQ(run(executor, {values, Tensor::from<std::int64_t>({2}, Ints{6, 2})})[0].shape(),
            (Shape{6, 2}));
}

TEST(FloatExecutor, NamesTheInputThatDoesNotFit) {
  Builder b;
  b.output(b.node(OpKind::kRelu, {b.input("pixels", {1, 3, -1, 4})}));
  FloatExecutor executor = executor_for(b.build());
  std::vector<Tensor> outputs;
  const auto error = [&](std::vector<Tensor> inputs) {
    const Status status = executor.run(inputs, outputs);
    return status ? std::string("accepted") : status.error().text();
  };
  EXPECT_EQ(error({random_tensor({1, 3, 7, 4}, 1)}), "accepted");
  EXPECT_EQ(error({random_tensor({1, 3, 4}, 1)}),
            "pixels: the input is float32 1x3x4, the model wants float32 1x3x-1x4");
  EXPECT_THAT(error({random_tensor({1, 2, 7, 4}, 1)}), HasSubstr("pixels"));
  EXPECT_THAT(error({Tensor(DataType::kUint8, Shape{1, 3, 7, 4})}), HasSubstr("uint8"));
  EXPECT_THAT(error({}), HasSubstr("0 inputs"));
}

TEST(FloatExecutor, RefusesWhatItCannotPrepare) {
  Builder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  b.output(b.node(OpKind::kConv, {x, b.weights({4, 3, 3, 3})}));
  const auto executor = FloatExecutor::create(b.build());
  ASSERT_FALSE(executor);
  EXPECT_THAT(executor.error().text(), HasSubstr("Conv 'layer0'"));
  EXPECT_FALSE(FloatExecutor::create(b.build(), 0));
}

TEST(FloatExecutor, TwoRunsAreEqualBitForBit) {
  Builder b;
  ValueId x = b.input("image", {1, 3, 32, 32});
  x = b.node(OpKind::kRelu, {b.conv(x, {16, 3, 3, 3}, 2)});
  x = b.node(OpKind::kRelu, {b.conv(x, {32, 16, 3, 3})});
  b.output(b.conv(x, {8, 32, 1, 1}));
  const Tensor input = random_tensor({1, 3, 32, 32}, 7);
  for (const int threads : {1, 2}) {
    FloatExecutor one = executor_for(b.build(), threads);
    FloatExecutor other = executor_for(b.build(), threads);
    const auto expected = run(one, {input});
    for (int repeat = 0; repeat < 3; ++repeat) {
      EXPECT_TRUE(
          std::ranges::equal(run(other, {input})[0].data<float>(), expected[0].data<float>()));
    }
  }
}

}  // namespace
}  // namespace quant
