// SPDX-License-Identifier: MIT
#include "quant/onnx/edit_model.h"

#include <gmock/gmock.h>

#include <cmath>

#include "quant/onnx/model_builder.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/onnx/run_graph.h"

namespace quant {
namespace {

using testing::counting;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::floats_of;
using testing::ModelBuilder;
using testing::run_graph;

// y = Neg(x), z = Relu(y); both are outputs.
ModelBuilder model(const Shape& shape) {
  ModelBuilder builder(13);
  builder.input("x", shape);
  builder.node("Neg", {"x"}, {"y"});
  builder.node("Relu", {"y"}, {"z"});
  builder.output("y");
  builder.output("z");
  return builder;
}

std::vector<float> output(const std::vector<std::byte>& bytes, std::size_t index,
                          const Shape& shape) {
  const auto graph = read_onnx(bytes);
  if (!graph) {
    ADD_FAILURE() << graph.error().text();
    return {};
  }
  const auto outputs = run_graph(*graph, {{"x", counting(shape)}});
  EXPECT_EQ(graph->value(graph->outputs[index]).name, index == 0 ? "y" : "z");
  return floats_of((*outputs)[index]);
}

// The output keeps its name, and its other reader sees what it saw before.
TEST(ChangeOutputActivations, PutsOneBehindAnOutput) {
  const auto edited = change_output_activations(model({3}).bytes(), {{"y", "Sigmoid"}});
  ASSERT_TRUE(edited) << edited.error().text();
  EXPECT_THAT(output(*edited, 0, {3}), ElementsAre(0.5F, FloatNear(1 / (1 + std::exp(1.0F)), 1e-6F),
                                                   FloatNear(1 / (1 + std::exp(2.0F)), 1e-6F)));
  EXPECT_THAT(output(*edited, 1, {3}), ElementsAre(0, 0, 0));
}

TEST(ChangeOutputActivations, TakesOneAway) {
  const auto edited = change_output_activations(model({3}).bytes(), {{"z", "Identity"}});
  ASSERT_TRUE(edited) << edited.error().text();
  EXPECT_THAT(output(*edited, 1, {3}), ElementsAre(0, -1, -2));
}

TEST(ChangeOutputActivations, LinearOutputsStay) {
  const auto edited = change_output_activations(model({3}).bytes(), {{"y", "Identity"}});
  ASSERT_TRUE(edited) << edited.error().text();
  EXPECT_THAT(output(*edited, 0, {3}), ElementsAre(0, -1, -2));
}

TEST(ChangeOutputActivations, AnInnerTensorIsNoOutput) {
  const auto edited = change_output_activations(model({3}).bytes(), {{"x", "Tanh"}});
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(edited.error().context, "x");
}

TEST(TransposeInput, SwapsRowsAndColumns) {
  const auto edited = transpose_input(model({1, 1, 2, 3}).bytes(), "x");
  ASSERT_TRUE(edited) << edited.error().text();
  const auto graph = read_onnx(*edited);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->inputs[0]).shape, (Shape{1, 1, 3, 2}));
  EXPECT_EQ(graph->value(graph->outputs[0]).shape, (Shape{1, 1, 2, 3}));
  // 0 1 / 2 3 / 4 5 read by columns.
  EXPECT_THAT(output(*edited, 0, {1, 1, 3, 2}), ElementsAre(0, -2, -4, -1, -3, -5));
}

TEST(TransposeInput, OnlyImagesHaveRowsAndColumns) {
  const auto edited = transpose_input(model({3}).bytes(), "x");
  ASSERT_FALSE(edited);
  EXPECT_EQ(edited.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace quant
