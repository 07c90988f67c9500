// SPDX-License-Identifier: MIT
// Old forms of operators against values computed by hand or by the new form.
#include <gmock/gmock.h>

#include <cmath>
#include <numeric>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/onnx/run_graph.h"

namespace quant {
namespace {

using testing::counting;
using ::testing::ElementsAre;
using testing::floats_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::run_graph;

// One node from input x to output y, run on 0, 1, 2, …
class OneNode {
 public:
  OneNode(std::int64_t opset, const std::string& op, const Shape& shape,
          std::vector<std::string> inputs = {"x"})
      : model(opset), attributes(add(op, shape, inputs)), shape_(shape) {}

  Result<Graph> read() { return read_onnx(model.bytes()); }
  Tensor run() {
    const auto graph = read();
    if (!graph) {
      ADD_FAILURE() << graph.error().text();
      return {};
    }
    const auto outputs = run_graph(*graph, {{"x", counting(shape_)}});
    if (!outputs) {
      ADD_FAILURE() << outputs.error().text();
      return {};
    }
    return outputs->front();
  }
  std::vector<float> values() { return floats_of(run()); }

  ModelBuilder model;
  testing::NodeAttributes attributes;

 private:
  testing::NodeAttributes add(const std::string& op, const Shape& shape,
                              const std::vector<std::string>& inputs) {
    model.input("x", shape);
    model.output("y");
    return model.node(op, inputs, {"y"}, "node");
  }

  Shape shape_;
};

using Ints = std::vector<std::int64_t>;

TEST(OpsetRewrite, SqueezeAndUnsqueezeAxes) {
  OneNode squeeze(11, "Squeeze", {1, 2, 1});
  squeeze.attributes.set("axes", Ints{0});
  EXPECT_EQ(squeeze.run().shape(), (Shape{2, 1}));
  OneNode squeeze_all(11, "Squeeze", {1, 2, 1});
  EXPECT_EQ(squeeze_all.run().shape(), (Shape{2}));
  OneNode unsqueeze(11, "Unsqueeze", {2});
  unsqueeze.attributes.set("axes", Ints{0, 2});
  EXPECT_EQ(unsqueeze.run().shape(), (Shape{1, 2, 1}));
}

TEST(OpsetRewrite, ClipBounds) {
  OneNode both(6, "Clip", {4});
  both.attributes.set("min", 1.0F).set("max", 2.0F);
  EXPECT_THAT(both.values(), ElementsAre(1, 1, 2, 2));
  OneNode upper(7, "Clip", {4});
  upper.attributes.set("max", 2.0F);
  EXPECT_THAT(upper.values(), ElementsAre(0, 1, 2, 2));
}

TEST(OpsetRewrite, PadsAndValue) {
  OneNode pad(10, "Pad", {2});
  pad.attributes.set("pads", Ints{1, 2}).set("value", 9.0F);
  EXPECT_THAT(pad.values(), ElementsAre(9, 0, 1, 9, 9));
}

TEST(OpsetRewrite, SliceAttributes) {
  OneNode slice(9, "Slice", {2, 3});
  slice.attributes.set("starts", Ints{1}).set("ends", Ints{3}).set("axes", Ints{1});
  EXPECT_THAT(slice.values(), ElementsAre(1, 2, 4, 5));
  OneNode leading(9, "Slice", {2, 3});
  leading.attributes.set("starts", Ints{1}).set("ends", Ints{2});
  EXPECT_THAT(leading.values(), ElementsAre(3, 4, 5));
}

TEST(OpsetRewrite, SplitSizesAndEqualParts) {
  for (const bool equal : {false, true}) {
    ModelBuilder model(11);
    model.input("x", {4});
    auto attributes = model.node("Split", {"x"}, {"a", "b"});
    if (!equal) attributes.set("split", Ints{1, 3});
    model.output("b");
    const auto graph = read_onnx(model.bytes());
    ASSERT_TRUE(graph) << graph.error().text();
    const auto outputs = run_graph(*graph, {{"x", counting({4})}});
    ASSERT_TRUE(outputs) << outputs.error().text();
    EXPECT_EQ(outputs->front().shape(), (Shape{equal ? 2 : 3}));
  }
}

TEST(OpsetRewrite, ReductionAxes) {
  OneNode sum(11, "ReduceSum", {2, 3});
  sum.attributes.set("axes", Ints{1}).set("keepdims", 0);
  EXPECT_THAT(sum.values(), ElementsAre(3, 12));
  OneNode mean(17, "ReduceMean", {2, 3});
  mean.attributes.set("axes", Ints{0});
  EXPECT_THAT(mean.values(), ElementsAre(1.5F, 2.5F, 3.5F));
  OneNode all(17, "ReduceMax", {2, 3});
  EXPECT_THAT(all.values(), ElementsAre(5));
}

TEST(OpsetRewrite, TopKAttribute) {
  OneNode top(9, "TopK", {5});
  top.attributes.set("k", 2);
  EXPECT_THAT(top.values(), ElementsAre(4, 3));
}

TEST(OpsetRewrite, UpsampleIsANearestResizeThatFloors) {
  OneNode attribute(7, "Upsample", {1, 1, 1, 2});
  attribute.attributes.set("scales", std::vector<float>{1, 1, 1, 2}).set("mode", "nearest");
  EXPECT_THAT(attribute.values(), ElementsAre(0, 0, 1, 1));
  OneNode input(9, "Upsample", {1, 1, 1, 2}, {"x", "scales"});
  input.model.floats("scales", {4}, {1, 1, 1, 3});
  EXPECT_THAT(input.values(), ElementsAre(0, 0, 0, 1, 1, 1));
}

TEST(OpsetRewrite, Resize10IsAsymmetric) {
  // Half-pixel sampling of 4 → 6 would start 0, 0, 1; asymmetric with floor gives 0, 0, 1, 2, 2, 3.
  OneNode nearest(10, "Resize", {1, 1, 1, 4}, {"x", "scales"});
  nearest.model.floats("scales", {4}, {1, 1, 1, 1.5F});
  EXPECT_THAT(nearest.values(), ElementsAre(0, 0, 1, 2, 2, 3));
  OneNode linear(10, "Resize", {1, 1, 1, 2}, {"x", "scales"});
  linear.model.floats("scales", {4}, {1, 1, 1, 2});
  linear.attributes.set("mode", "linear");
  EXPECT_THAT(linear.values(), ElementsAre(0, 0.5F, 1, 1));
}

TEST(OpsetRewrite, ResizeWithEmptyRoiAndScales) {
  OneNode resize(11, "Resize", {1, 1, 1, 2}, {"x", "none", "none", "sizes"});
  resize.model.floats("none", {0}, {});
  resize.model.integers("sizes", {4}, {1, 1, 1, 4});
  resize.attributes.set("coordinate_transformation_mode", "asymmetric")
      .set("nearest_mode", "floor");
  EXPECT_THAT(resize.values(), ElementsAre(0, 0, 1, 1));
}

// What softmax before opset 13 means: every row of the matrix that `axis` makes sums to 1.
TEST(OpsetRewrite, OldSoftmaxSeesAMatrix) {
  const Shape shape = {2, 3, 4};
  for (const std::int64_t axis : {0, 1, 2, -1, -2}) {
    OneNode softmax(11, "Softmax", shape);
    softmax.attributes.set("axis", axis);
    const Tensor result = softmax.run();
    ASSERT_EQ(result.shape(), shape);
    const std::size_t split = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    const std::size_t row = static_cast<std::size_t>(
        std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(split), shape.end(),
                        std::int64_t{1}, std::multiplies<>()));
    const auto values = floats_of(result);
    for (std::size_t begin = 0; begin < values.size(); begin += row) {
      double denominator = 0;
      for (std::size_t i = 0; i < row; ++i) denominator += std::exp(static_cast<double>(i));
      for (std::size_t i = 0; i < row; ++i) {
        EXPECT_NEAR(values[begin + i], std::exp(static_cast<double>(i)) / denominator, 1e-6)
            << axis;
      }
    }
  }
}

TEST(OpsetRewrite, OldSoftmaxHasAxis1ByDefault) {
  OneNode softmax(11, "Softmax", {1, 3, 1, 1});
  const auto graph = softmax.read();
  ASSERT_TRUE(graph) << graph.error().text();
  // Sizes behind the axis are 1: no matrix needed.
  ASSERT_EQ(graph->nodes.size(), 1U);
  EXPECT_EQ(graph->nodes[0].attributes.integer("axis", -1), 1);
}

TEST(OpsetRewrite, OldLogSoftmaxAndHardmax) {
  OneNode log_softmax(12, "LogSoftmax", {1, 2, 2});
  const auto logs = log_softmax.values();
  double denominator = 0;
  for (int i = 0; i < 4; ++i) denominator += std::exp(i);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(logs[i], static_cast<double>(i) - std::log(denominator), 1e-5);
  }
  OneNode hardmax(12, "Hardmax", {1, 2, 2});
  EXPECT_THAT(hardmax.values(), ElementsAre(0, 0, 0, 1));
}

TEST(OpsetRewrite, BatchNormalizationOfOldOpsets) {
  for (const std::int64_t opset : {7, 9, 14, 15}) {
    OneNode norm(opset, "BatchNormalization", {1, 2, 1, 2},
                 {"x", "scale", "bias", "mean", "variance"});
    norm.model.floats("scale", {2}, {1, 2});
    norm.model.floats("bias", {2}, {10, 20});
    norm.model.floats("mean", {2}, {0, 1});
    norm.model.floats("variance", {2}, {1, 4});
    norm.attributes.set("epsilon", 0.0F).set("momentum", 0.5F);
    if (opset == 7) norm.attributes.set("spatial", 1);
    EXPECT_THAT(norm.values(), ElementsAre(10, 11, 21, 22)) << opset;
  }
}

TEST(OpsetRewrite, TrainingFormsAreRefused) {
  OneNode norm(15, "BatchNormalization", {1, 1, 1, 1}, {"x", "one", "one", "one", "one"});
  norm.model.floats("one", {1}, {1});
  norm.attributes.set("training_mode", 1);
  EXPECT_THAT(norm.read().error().text(),
              HasSubstr("BatchNormalization 'node': the model was exported in training"));

  OneNode dropout(13, "Dropout", {2}, {"x", "", "training"});
  auto& training = *dropout.model.graph().add_initializer();
  training.set_name("training");
  training.set_data_type(onnx::TensorProto::BOOL);
  training.add_int32_data(1);
  EXPECT_THAT(dropout.read().error().text(), HasSubstr("training mode"));
}

TEST(OpsetRewrite, DropoutMaskKeepsEverything) {
  ModelBuilder model(13);
  model.input("x", {2, 2});
  model.node("Dropout", {"x"}, {"a", "mask"});
  model.node("Where", {"mask", "a", "x"}, {"y"});
  model.output("y");
  model.output("mask");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  const auto outputs = run_graph(*graph, {{"x", counting({2, 2})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(floats_of((*outputs)[0]), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT((*outputs)[1].data<std::uint8_t>(), ElementsAre(1, 1, 1, 1));
}

TEST(OpsetRewrite, GroupNormalization18HasOneScaleAGroup) {
  OneNode norm(18, "GroupNormalization", {1, 4, 1, 2}, {"x", "scale", "bias"});
  norm.model.floats("scale", {2}, {1, 10});
  norm.model.floats("bias", {2}, {0, 100});
  norm.attributes.set("num_groups", 2).set("epsilon", 0.0F);
  // Each group is 0, 1, 2, 3 plus an offset: mean 1.5, variance 1.25.
  const float step = 1.0F / std::sqrt(1.25F);
  const auto values = norm.values();
  ASSERT_EQ(values.size(), 8U);
  EXPECT_NEAR(values[0], -1.5F * step, 1e-5);
  EXPECT_NEAR(values[3], 1.5F * step, 1e-5);
  EXPECT_NEAR(values[4], 100 - 15 * step, 1e-4);
  EXPECT_NEAR(values[7], 100 + 15 * step, 1e-4);
}

TEST(OpsetRewrite, OldBroadcastAlongAnAxis) {
  OneNode add(6, "Add", {1, 2, 1, 2}, {"x", "b"});
  add.model.floats("b", {2}, {10, 20});
  add.attributes.set("broadcast", 1).set("axis", 1);
  EXPECT_THAT(add.values(), ElementsAre(10, 11, 22, 23));
}

TEST(OpsetRewrite, OldPReluHasOneSlopeAChannel) {
  ModelBuilder model(6);
  model.input("x", {1, 2, 1, 2});
  model.floats("slope", {2}, {2, 3});
  model.node("Neg", {"x"}, {"n"});
  model.node("PRelu", {"n", "slope"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph) << graph.error().text();
  const auto outputs = run_graph(*graph, {{"x", counting({1, 2, 1, 2})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(floats_of(outputs->front()), ElementsAre(0, -2, -6, -9));
}

TEST(OpsetRewrite, OldReshapeCastAndConcat) {
  OneNode reshape(1, "Reshape", {4});
  reshape.attributes.set("shape", Ints{2, 2});
  EXPECT_EQ(reshape.run().shape(), (Shape{2, 2}));
  OneNode cast(1, "Cast", {2});
  cast.attributes.set("to", "INT32");
  EXPECT_EQ(cast.run().type(), DataType::kInt32);
  OneNode concat(1, "Concat", {1, 2}, {"x", "x"});
  EXPECT_EQ(concat.run().shape(), (Shape{1, 4}));
}

TEST(OpsetRewrite, CastLikeAndScatterUnderTheirNewNames) {
  OneNode cast(15, "CastLike", {2}, {"x", "like"});
  cast.model.integers("like", {1}, {0});
  EXPECT_EQ(cast.run().type(), DataType::kInt64);
  OneNode scatter(10, "Scatter", {3}, {"x", "indices", "updates"});
  scatter.model.integers("indices", {1}, {1});
  scatter.model.floats("updates", {1}, {9});
  EXPECT_THAT(scatter.values(), ElementsAre(0, 9, 2));
}

TEST(OpsetRewrite, AutoPadBecomesPads) {
  OneNode upper(11, "MaxPool", {1, 1, 1, 4});
  upper.attributes.set("auto_pad", "SAME_UPPER")
      .set("kernel_shape", Ints{1, 2})
      .set("ceil_mode", 1);
  const auto graph = upper.read();
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(graph->nodes[0].attributes.integers("pads"), ElementsAre(0, 0, 0, 1));
  EXPECT_FALSE(graph->nodes[0].attributes.has("auto_pad"));
  EXPECT_THAT(upper.values(), ElementsAre(1, 2, 3, 3));
  OneNode lower(11, "MaxPool", {1, 1, 1, 4});
  lower.attributes.set("auto_pad", "SAME_LOWER").set("kernel_shape", Ints{1, 2});
  EXPECT_THAT(lower.values(), ElementsAre(0, 1, 2, 3));
  // ceil(6 / 4) = 2 outputs; with ceil_mode left on, explicit pads would give 3.
  OneNode strided(11, "MaxPool", {1, 1, 1, 6});
  strided.attributes.set("auto_pad", "SAME_UPPER")
      .set("kernel_shape", Ints{1, 1})
      .set("strides", Ints{1, 4})
      .set("ceil_mode", 1);
  EXPECT_THAT(strided.values(), ElementsAre(0, 4));
  OneNode valid(11, "AveragePool", {1, 1, 1, 4});
  valid.attributes.set("auto_pad", "VALID").set("kernel_shape", Ints{1, 2});
  EXPECT_THAT(valid.values(), ElementsAre(0.5F, 1.5F, 2.5F));
}

TEST(OpsetRewrite, AttributesOfTheWrongTypeAreRefused) {
  OneNode relu(13, "LeakyRelu", {2});
  relu.attributes.set("alpha", 1);
  EXPECT_THAT(relu.read().error().text(),
              HasSubstr("LeakyRelu 'node': attribute 'alpha' is of type INT, expected FLOAT"));
}

}  // namespace
}  // namespace quant
