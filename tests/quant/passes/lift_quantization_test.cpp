// SPDX-License-Identifier: MIT
// Structure of lifted graphs; what they compute is import_test's to say.
#include "quant/passes/lift_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../onnx/model_builder.h"
#include "../onnx/run_graph.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/passes/saturate.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::ModelBuilder;
using Onnx = onnx::TensorProto;

// Constants "s", "z" (uint8 1/4, 10) and "t", "u" (int8 1/2, −3).
class Model : public ModelBuilder {
 public:
  Model() {
    input("x", {1, 4});
    floats("s", {}, {0.25F});
    small_integers("z", {}, Onnx::UINT8, {10});
    floats("t", {}, {0.5F});
    small_integers("u", {}, Onnx::INT8, {-3});
  }
  void quantize(const std::string& from, const std::string& to) {
    node("QuantizeLinear", {from, "s", "z"}, {to}, to);
  }
  void dequantize(const std::string& from, const std::string& to) {
    node("DequantizeLinear", {from, "s", "z"}, {to}, to);
  }

  Graph lifted() {
    auto graph = read_onnx(bytes());
    EXPECT_TRUE(graph) << graph.error().text();
    EXPECT_TRUE(is_quantized(*graph));
    const auto status = lift_quantization(*graph);
    EXPECT_TRUE(status) << status.error().text();
    for (std::size_t i = 0; i < graph->nodes.size(); ++i)
      graph->nodes[i].name = "node" + std::to_string(i);
    const auto valid = verify(*graph);
    EXPECT_TRUE(valid) << valid.error().text();
    return std::move(*graph);
  }
};

std::vector<OpKind> operators(const Graph& graph) {
  std::vector<OpKind> result;
  for (const Node& node : graph.nodes) result.push_back(node.op);
  return result;
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  return names;
}

TEST(LiftQuantization, FloatModelsAreNotQuantized) {
  ModelBuilder model;
  model.input("x", {2});
  model.node("Relu", {"x"}, {"y"});
  model.output("y");
  const auto graph = read_onnx(model.bytes());
  ASSERT_TRUE(graph);
  EXPECT_FALSE(is_quantized(*graph));
}

TEST(LiftQuantization, PairsBecomeParameters) {
  Model model;
  model.node("Sigmoid", {"x"}, {"a"});
  model.quantize("a", "aq");
  model.dequantize("aq", "ar");
  model.node("Sqrt", {"ar"}, {"b"});
  model.quantize("b", "bq");
  model.dequantize("bq", "y");
  model.output("y");
  const Graph graph = model.lifted();
  EXPECT_THAT(operators(graph), ElementsAre(OpKind::kSigmoid, OpKind::kSqrt));
  EXPECT_THAT(output_names(graph), ElementsAre("y"));
  const auto a = graph.find_value("a");
  ASSERT_TRUE(a && graph.value(*a).quant);
  EXPECT_EQ(graph.value(*a).quant->scale[0], 0.25F);
  EXPECT_EQ(graph.value(*a).quant->zero_point[0], 10.0F);
  EXPECT_EQ(graph.value(*a).quant->range_min, -2.5F);
  EXPECT_EQ(graph.value(*a).quant->range_max, 61.25F);
}

TEST(LiftQuantization, SecondParametersComeBehindAnIdentity) {
  Model model;
  model.node("Sigmoid", {"x"}, {"a"});
  model.quantize("a", "aq");
  model.dequantize("aq", "ar");
  model.node("QuantizeLinear", {"ar", "t", "u"}, {"bq"}, "b");
  model.node("DequantizeLinear", {"bq", "t", "u"}, {"y"});
  model.output("y");
  const Graph graph = model.lifted();
  EXPECT_THAT(operators(graph), ElementsAre(OpKind::kSigmoid, OpKind::kIdentity));
  const QuantParams& params = *graph.value(graph.outputs[0]).quant;
  EXPECT_EQ(params.type, DataType::kUint8);
  EXPECT_EQ(params.scale[0], 0.5F);
  EXPECT_EQ(params.zero_point[0], 125.0F) << "-3 of int8";
}

TEST(LiftQuantization, IntegersThatSomethingElseReadsAreMade) {
  Model model;
  model.node("Sigmoid", {"x"}, {"a"});
  model.quantize("a", "aq");
  model.small_integers("three", {}, Onnx::UINT8, {3});
  model.node("Mod", {"aq", "three"}, {"m"});
  model.dequantize("aq", "ar");
  model.node("Sqrt", {"ar"}, {"y"});
  model.output("aq");
  model.output("m");
  model.output("y");
  const Graph graph = model.lifted();
  EXPECT_THAT(operators(graph),
              ElementsAre(OpKind::kSigmoid, OpKind::kQuantizeLinear, OpKind::kMod, OpKind::kSqrt));
  EXPECT_THAT(output_names(graph), ElementsAre("aq", "m", "y"));
  EXPECT_EQ(graph.value(graph.outputs[0]).type, DataType::kUint8);
}

TEST(LiftQuantization, OneTensorCanBeTwoOutputsAndTheInputOne) {
  Model model;
  model.quantize("x", "q");
  model.dequantize("q", "y1");
  model.dequantize("q", "y2");
  model.output("y1");
  model.output("y2");
  const Graph graph = model.lifted();
  EXPECT_THAT(output_names(graph), ElementsAre("y1", "y2"));
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "x");
}

TEST(LiftQuantization, IntegersAreMovedAsRealValues) {
  Model model;
  model.quantize("x", "q");
  model.integers("shape", {2}, {2, 2});
  model.node("Reshape", {"q", "shape"}, {"moved"});
  model.node("Transpose", {"moved"}, {"turned"}).set("perm", std::vector<std::int64_t>{1, 0});
  model.dequantize("turned", "y");
  model.output("y");
  const Graph graph = model.lifted();
  EXPECT_THAT(operators(graph), ElementsAre(OpKind::kReshape, OpKind::kTranspose));
  const auto moved = graph.find_value("moved");
  ASSERT_TRUE(moved);
  EXPECT_EQ(graph.value(*moved).type, DataType::kFloat32);
  EXPECT_EQ(graph.value(*moved).quant->zero_point[0], 10.0F);
}

TEST(LiftQuantization, ATableOfIntegersIsALookup) {
  Model model;
  model.quantize("x", "q");
  std::vector<int> entries(256);
  for (int i = 0; i < 256; ++i) entries[static_cast<std::size_t>(i)] = 255 - i;
  model.small_integers("entries", {256}, Onnx::UINT8, entries);
  model.node("Cast", {"q"}, {"index"}).set("to", static_cast<std::int64_t>(Onnx::INT32));
  model.node("Gather", {"entries", "index"}, {"r"});
  model.dequantize("r", "y");
  model.output("y");
  const Graph graph = model.lifted();
  EXPECT_THAT(operators(graph), ElementsAre(OpKind::kLookup));
  // 0.26 is level 11 (1.04 steps, rounded, and 10); its entry 244 stands for 58.5.
  const auto outputs = testing::run_graph(
      graph, {{"x", Tensor::from<float>({1, 4}, std::vector<float>{0.26F, -100, 0, 100})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(testing::floats_of((*outputs)[0]), ElementsAre(58.5F, 61.25F, 58.75F, -2.5F));
}

TEST(LiftQuantization, ScalesThatComeAtRunTimeStay) {
  Model model;
  model.node("ReduceMax", {"x"}, {"scale"}).set("keepdims", 0);
  model.node("QuantizeLinear", {"x", "scale"}, {"q"});
  model.node("DequantizeLinear", {"q", "scale"}, {"y"});
  model.output("y");
  EXPECT_THAT(operators(model.lifted()),
              ElementsAre(OpKind::kReduceMax, OpKind::kQuantizeLinear, OpKind::kDequantizeLinear));
}

TEST(Saturate, HoldsValuesInsideTheirRange) {
  Model model;
  model.node("Neg", {"x"}, {"a"});
  model.quantize("a", "q");
  model.dequantize("q", "y");
  model.output("y");
  Graph graph = model.lifted();
  saturate(graph);
  EXPECT_THAT(operators(graph), ElementsAre(OpKind::kNeg, OpKind::kClip));
  EXPECT_THAT(output_names(graph), ElementsAre("y"));
  const auto outputs = testing::run_graph(
      graph, {{"x", Tensor::from<float>({1, 4}, std::vector<float>{3, -0.3F, -61.1F, -70})}});
  ASSERT_TRUE(outputs) << outputs.error().text();
  EXPECT_THAT(testing::floats_of((*outputs)[0]), ElementsAre(-2.5F, 0.3F, 61.1F, 61.25F));
}

}  // namespace
}  // namespace quant
