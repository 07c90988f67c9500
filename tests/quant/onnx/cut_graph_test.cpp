// SPDX-License-Identifier: MIT
#include "quant/onnx/cut_graph.h"

#include <gmock/gmock.h>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/run_graph.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::floats_of;
using ::testing::HasSubstr;
using testing::ModelBuilder;
using testing::run_graph;

// a (1, open) → Neg → "b"; b + c (1, open) → "d"; Split d → "e", "f"; e · f → "g".
ModelBuilder model() {
  ModelBuilder builder(13);
  builder.input("a", {1, -1});
  builder.input("c", {1, -1});
  builder.integers("halves", {2}, {2, 2});
  builder.node("Neg", {"a"}, {"b"}, "negate");
  builder.node("Add", {"b", "c"}, {"d"}, "add");
  builder.node("Split", {"d", "halves"}, {"e", "f"}, "split").set("axis", 1);
  builder.node("Mul", {"e", "f"}, {"g"}, "multiply");
  builder.output("g");
  return builder;
}

OnnxReadOptions four_wide() {
  OnnxReadOptions read;
  read.input_shapes = {{"a", {1, 4}}, {"c", {1, 4}}};
  return read;
}

std::vector<std::string> input_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs) names.push_back(graph.value(id).name);
  return names;
}

TEST(CutAtStart, AnInnerTensorBecomesAnInputOfItsShape) {
  OnnxReadOptions read = four_wide();
  const auto bytes = cut_at_start(model().bytes(), {"b"}, read);
  ASSERT_TRUE(bytes) << bytes.error().text();
  const auto graph = read_onnx(*bytes, read);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(input_names(*graph), ElementsAre("c", "b"));
  EXPECT_EQ(graph->value(graph->inputs[1]).shape, (Shape{1, 4}));
  // What is left of the shapes that were given fits what is left of the inputs.
  EXPECT_EQ(read.input_shapes, (std::map<std::string, Shape>{{"c", {1, 4}}}));
  const auto outputs =
      run_graph(*graph, {{"b", Tensor::from<float>({1, 4}, std::vector<float>{1, 2, 3, 4})},
                         {"c", Tensor::from<float>({1, 4}, std::vector<float>{0, 0, 10, 10})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(floats_of((*outputs)[0]), ElementsAre(13, 28));
}

// A node stands for all its outputs; what only made them is gone, shapes of inputs with it.
TEST(CutAtStart, ANodeIsAllItsOutputs) {
  OnnxReadOptions read = four_wide();
  const auto bytes = cut_at_start(model().bytes(), {"split"}, read);
  ASSERT_TRUE(bytes) << bytes.error().text();
  const auto graph = read_onnx(*bytes, read);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(input_names(*graph), ElementsAre("e", "f"));
  EXPECT_EQ(graph->nodes.size(), 1U);
  EXPECT_TRUE(read.input_shapes.empty());
}

TEST(CutAtStart, OneOutputOfSeveralLeavesTheOthers) {
  OnnxReadOptions read = four_wide();
  const auto bytes = cut_at_start(model().bytes(), {"e"}, read);
  ASSERT_TRUE(bytes) << bytes.error().text();
  const auto graph = read_onnx(*bytes, read);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(input_names(*graph), ElementsAre("a", "c", "e"));
}

// The name of a size is known from an input that is cut off.
TEST(CutAtStart, SizesOutliveTheInputThatGaveThem) {
  ModelBuilder builder = model();
  for (int i = 0; i < 2; ++i) {
    auto& shape =
        *builder.graph().mutable_input(i)->mutable_type()->mutable_tensor_type()->mutable_shape();
    shape.mutable_dim(1)->set_dim_param("width");
  }
  OnnxReadOptions read;
  read.input_shapes = {{"a", {1, 4}}};
  const auto bytes = cut_at_start(builder.bytes(), {"b"}, read);
  ASSERT_TRUE(bytes) << bytes.error().text();
  const auto graph = read_onnx(*bytes, read);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->inputs[0]).name, "c");
  EXPECT_EQ(graph->value(graph->inputs[0]).shape, (Shape{1, 4}));
}

TEST(CutAtStart, CutsBothEnds) {
  OnnxReadOptions read = four_wide();
  read.end_nodes = {"d"};
  const auto bytes = cut_at_start(model().bytes(), {"b"}, read);
  ASSERT_TRUE(bytes) << bytes.error().text();
  const auto graph = read_onnx(*bytes, read);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_THAT(input_names(*graph), ElementsAre("c", "b"));
  EXPECT_EQ(graph->value(graph->outputs[0]).name, "d");
}

TEST(CutAtStart, NamesWhatIsNotThere) {
  OnnxReadOptions read = four_wide();
  const auto bytes = cut_at_start(model().bytes(), {"nothing"}, read);
  ASSERT_FALSE(bytes);
  EXPECT_THAT(bytes.error().text(),
              HasSubstr("start node 'nothing': the model has no node or tensor of this name"));
}

TEST(CutAtStart, NoNamesLeaveTheModelAsItIs) {
  OnnxReadOptions read = four_wide();
  EXPECT_EQ(cut_at_start(model().bytes(), {}, read), model().bytes());
  EXPECT_EQ(read.input_shapes.size(), 2U);
}

}  // namespace
}  // namespace quant
