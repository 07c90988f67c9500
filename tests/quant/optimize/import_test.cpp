// SPDX-License-Identifier: MIT
// Small models that are quantized already: the emulator has the file's parameters and weights, and
// its integers are those of the file run as ONNX says (our own reader and float executor). Scales
// are powers of two where it matters, so that float32 is exact and ties are ties on both sides.
#include "quant/optimize/import_quantized.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "quant/onnx/element_type.h"
#include "quant/onnx/qdq_writer.h"
#include "quantized_model.h"
#include "random_frames.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::expect_the_files_outputs;
using ::testing::HasSubstr;
using testing::kSide;
using testing::ModelBuilder;
using testing::QuantizedModelBuilder;
using Onnx = onnx::TensorProto;

class NoFrames : public CalibrationSet {
 public:
  std::optional<std::int64_t> count() const override { return 0; }
  Result<std::optional<std::vector<Tensor>>> next() override {
    return std::optional<std::vector<Tensor>>();
  }
  Status rewind() override { return {}; }
};

InputSpec spec_of(int channels, std::vector<float> mean, std::vector<float> std) {
  return testing::input_spec(kSide, kSide, channels, std::move(mean), std::move(std));
}

const InputSpec kPixels = spec_of(3, {128, 128, 128}, {64, 64, 64});

Result<OptimizedModel> import(const ModelBuilder& model, const InputSpec& input,
                              const OptimizerOptions& base = {}) {
  OptimizerOptions options = base;
  options.input = input;
  NoFrames none;
  return optimize(model.bytes(), options, none, {});
}

const Node* find_node(const Graph& graph, OpKind op) {
  for (const Node& node : graph.nodes)
    if (node.op == op) return &node;
  return nullptr;
}

std::size_t count_nodes(const Graph& graph, OpKind op) {
  return static_cast<std::size_t>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                                [op](const Node& node) { return node.op == op; }));
}

std::vector<float> scales_and_zero_points(const Graph& graph, ValueId id) {
  const QuantParams& params = *graph.value(id).quant;
  std::vector<float> result = params.scale;
  result.insert(result.end(), params.zero_point.begin(), params.zero_point.end());
  return result;
}

TEST(Import, ConvolutionKeepsParametersWeightsAndBias) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.node("Relu", {"c"}, {"r"}, "r");
  model.quantized("r", 1 / 8.0F, 0, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_TRUE(imported->imported);
  EXPECT_TRUE(imported->calibrated.empty());
  const Graph& integer = imported->model.integer;
  ASSERT_EQ(integer.nodes.size(), 1U) << "the frame's bytes are the model's integers";
  const Node& conv = integer.nodes[0];
  EXPECT_THAT(scales_and_zero_points(integer, conv.inputs[0]), ElementsAre(1 / 64.0F, 128.0F));
  EXPECT_THAT(scales_and_zero_points(integer, conv.outputs[0]), ElementsAre(1 / 8.0F, 0.0F));
  const auto file = model.proto().graph();
  const auto stored = [&](const std::string& name) {
    for (const auto& tensor : file.initializer())
      if (tensor.name() == name)
        return std::vector<int>(tensor.int32_data().begin(), tensor.int32_data().end());
    return std::vector<int>();
  };
  const auto weights = integer.value(conv.inputs[1]).constant->data<std::int8_t>();
  EXPECT_EQ(std::vector<int>(weights.begin(), weights.end()), stored("c/w/q"));
  const auto bias = integer.value(conv.inputs[2]).constant->data<std::int32_t>();
  EXPECT_EQ(std::vector<int>(bias.begin(), bias.end()), stored("c/b/q"));
  expect_the_files_outputs(model, *imported, kPixels);
}

// Quantizers leave a Relu out where the zero point does the same.
TEST(Import, SaturationStandsForARelu) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.quantized("c", 1 / 8.0F, 0, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  expect_the_files_outputs(model, *imported, kPixels);

  InputSpec input = kPixels;
  const auto floats = read_fp_optimized(model.bytes(), {}, input);
  ASSERT_TRUE(floats) << floats.error().text();
  auto executor = FloatExecutor::create(std::make_shared<const Graph>(*floats), 1);
  ASSERT_TRUE(executor);
  const Tensor pixels = testing::float_pixels(testing::random_frame(kPixels, 1));
  std::vector<Tensor> outputs;
  ASSERT_TRUE((*executor).run(std::span(&pixels, 1), outputs));
  const auto values = outputs[0].data<float>();
  EXPECT_EQ(*std::min_element(values.begin(), values.end()), 0.0F);
  EXPECT_TRUE(std::any_of(values.begin(), values.end(), [](float value) {
    return value * 8 != std::nearbyint(value * 8);
  })) << "nothing is rounded";
}

TEST(Import, SignedActivationsAreShifted) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 0, Onnx::INT8);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.quantized("c", 1 / 8.0F, -20, Onnx::INT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  EXPECT_THAT(scales_and_zero_points(integer, integer.inputs[0]), ElementsAre(1 / 64.0F, 128.0F));
  EXPECT_THAT(scales_and_zero_points(integer, integer.outputs[0]), ElementsAre(1 / 8.0F, 108.0F));
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, SixteenBitActivations) {
  QuantizedModelBuilder model(3, 21);
  const std::string x = model.quantized("x", 1 / 8192.0F, 32768, Onnx::UINT16);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 1048576.0F);
  model.quantized("c", 1 / 1024.0F, -300, Onnx::INT16, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  EXPECT_EQ(integer.value(integer.outputs[0]).type, DataType::kUint16);
  EXPECT_THAT(scales_and_zero_points(integer, integer.outputs[0]),
              ElementsAre(1 / 1024.0F, 32468.0F));
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, SumsAndConcatenationsOfUnlikeScales) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c1", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  const std::string a = model.quantized("c1", 1 / 4.0F, 100);
  model.convolution(x, "c2", 3, 4, 1 / 64.0F, 1 / 4096.0F);
  const std::string b = model.quantized("c2", 1 / 2.0F, 130);
  model.node("Add", {a, b}, {"sum"}, "sum");
  const std::string sum = model.quantized("sum", 1 / 2.0F, 120);
  model.node("Concat", {a, sum, b}, {"all"}, "all").set("axis", 1);
  model.quantized("all", 1.0F, 125, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  const Node* concat = find_node(integer, OpKind::kConcat);
  ASSERT_NE(concat, nullptr);
  EXPECT_THAT(scales_and_zero_points(integer, concat->inputs[0]), ElementsAre(0.25F, 100.0F));
  EXPECT_THAT(scales_and_zero_points(integer, concat->inputs[1]), ElementsAre(0.5F, 120.0F));
  EXPECT_THAT(scales_and_zero_points(integer, concat->outputs[0]), ElementsAre(1.0F, 125.0F));
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, WhatIsMovedAndQuantizedAnewGoesThroughATable) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  const std::string c = model.quantized("c", 1 / 4.0F, 100);
  model.node("Transpose", {c}, {"t"}, "t").set("perm", std::vector<std::int64_t>{0, 2, 3, 1});
  const std::string t = model.quantized("t", 1 / 2.0F, 110);
  model.quantized(t, 1.0F, 90, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(count_nodes(imported->model.integer, OpKind::kLookup), 2U);
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, IntegersReadUnderOtherParametersStay) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.floats("s", {}, {1 / 8.0F});
  model.floats("t", {}, {1 / 2.0F});
  model.small_integers("z", {}, Onnx::UINT8, {100});
  model.small_integers("u", {}, Onnx::UINT8, {7});
  model.node("QuantizeLinear", {"c", "s", "z"}, {"q"}, "q");
  model.node("DequantizeLinear", {"q", "t", "u"}, {"y"}, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  EXPECT_THAT(scales_and_zero_points(integer, integer.outputs[0]), ElementsAre(0.5F, 7.0F));
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, ParametersBehindAMovementHoldBeforeIt) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.node("Relu", {"c"}, {"r"}, "r");
  model.node("MaxPool", {"r"}, {"m"}, "m")
      .set("kernel_shape", std::vector<std::int64_t>{2, 2})
      .set("strides", std::vector<std::int64_t>{2, 2});
  model.quantized("m", 1 / 4.0F, 0, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(imported->model.integer.nodes.size(), 2U);
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, ActivationFunctionsWithRoundingInBetweenAreOneTable) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  const std::string c = model.quantized("c", 1 / 16.0F, 100);
  model.node("Sigmoid", {c}, {"s"}, "s");
  const std::string gate = model.quantized("s", 1 / 16.0F, 0);  // coarse: its rounding shows
  model.node("Mul", {c, gate}, {"m"}, "m");
  model.quantized("m", 1 / 32.0F, 30, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(imported->model.integer.nodes.size(), 2U);
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, ConstantsThatAreStoredAreOperands) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.stored("grid", {1, 1, kSide, kSide}, model.integers_in(kSide * kSide, 0, 255), {1 / 128.0F},
               0, Onnx::UINT8, 7);
  model.node("Add", {x, "grid"}, {"a"}, "a");
  const std::string a = model.quantized("a", 1 / 32.0F, 60);
  model.stored("gain", {1, 3, 1, 1}, {100, -50, 127}, {1 / 64.0F});
  model.node("Mul", {a, "gain"}, {"m"}, "m");
  model.quantized("m", 1 / 16.0F, 128, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_TRUE(imported->model.host.nodes.empty()) << "the file quantizes all of it";
  expect_the_files_outputs(model, *imported, kPixels);
}

// Nothing forbids it, and trained scales do it: the integers change their sign, the weights do not.
TEST(Import, WeightsMayHaveNegativeScales) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.stored("w", {4, 3, 1, 1}, model.integers_in(12, -127, 127),
               {-1 / 128.0F, 1 / 64.0F, 0.0F, -1 / 32.0F});
  model.node("Conv", {x, "w"}, {"c"}, "c");
  model.quantized("c", 1 / 8.0F, 120, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  expect_the_files_outputs(model, *imported, kPixels);
}

// Activations have positive scales only, so the operand gets parameters by its range: within a step
// of the file's.
TEST(Import, ConstantsWithNegativeScalesAreQuantizedAnew) {
  QuantizedModelBuilder model;
  const std::string a = model.quantized("x", 1 / 64.0F, 128);
  model.stored("gain", {1, 3, 1, 1}, {100, 50, 255}, {-1 / 128.0F}, 0, Onnx::UINT8, 128);
  model.node("Mul", {a, "gain"}, {"m"}, "m");
  model.quantized("m", 1 / 16.0F, 128, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  for (const Value& value : imported->model.integer.values) {
    if (value.quant) {
      EXPECT_GT(value.quant->scale[0], 0) << value.name;
    }
  }
  expect_the_files_outputs(model, *imported, kPixels, 1 / 16.0F);
}

// Guards against reading scales and biases side by side where the bias is one number for all.
TEST(Import, OneBiasForAllChannels) {
  QuantizedModelBuilder model;
  model.floats("x_s", {}, {1 / 64.0F});
  model.small_integers("x_z", {}, Onnx::UINT8, {128});
  model.floats("y_s", {}, {1 / 8.0F});
  model.node("QuantizeLinear", {"x", "x_s", "x_z"}, {"xq"}, "xq");
  model.small_integers("w", {4, 3, 1, 1}, Onnx::INT8, model.integers_in(12, -127, 127));
  model.floats("w_s", {4}, {1 / 128.0F, 1 / 64.0F, 1 / 256.0F, 1 / 32.0F});
  model.small_integers("w_z", {4}, Onnx::INT8, {0, 0, 0, 0});
  model.small_integers("bias", {1}, Onnx::INT32, {3000});
  model.node("QLinearConv", {"xq", "x_s", "x_z", "w", "w_s", "w_z", "y_s", "x_z", "bias"}, {"yq"},
             "conv");
  model.node("DequantizeLinear", {"yq", "y_s", "x_z"}, {"y"}, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, UnsignedWeightsLoseTheirZeroPoint) {
  for (const int zero_point : {128, 140}) {
    SCOPED_TRACE(zero_point);
    QuantizedModelBuilder model;
    const std::string x = model.quantized("x", 1 / 64.0F, 128);
    std::vector<int> weights = model.integers_in(4 * 3, 0, 255);
    weights[0] = 0;
    weights[1] = 255;
    model.stored("w", {4, 3, 1, 1}, weights, {1 / 128.0F}, 0, Onnx::UINT8, zero_point);
    model.node("Conv", {x, "w"}, {"c"}, "c");
    model.quantized("c", 1 / 8.0F, 120, Onnx::UINT8, "y");
    model.output("y");
    const auto imported = import(model, kPixels);
    ASSERT_TRUE(imported) << imported.error().text();
    const Graph& integer = imported->model.integer;
    const Node* conv = find_node(integer, OpKind::kConv);
    ASSERT_NE(conv, nullptr);
    EXPECT_EQ(integer.value(conv->inputs[1]).type,
              zero_point == 128 ? DataType::kInt8 : DataType::kInt16)
        << "-140 does not fit int8";
    expect_the_files_outputs(model, *imported, kPixels);
  }
}

// Guards against a bias widened for its weights' sake, which no ONNX file could say, and against an
// exact form in float32 where the emulator computes in float64. Multiplier 0.1F: in float32
// 5 · 0.1F is a tie and rounds to 0, in float64 it is more than half and rounds to 1.
TEST(Import, SixteenBitWeightsKeepTheirBiasAndHaveAnExactForm) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  std::vector<int> weights = model.integers_in(4 * 3, 138, 142);
  weights[0] = 0;
  model.stored("w", {4, 3, 1, 1}, weights, {0.1F}, 0, Onnx::UINT8, 140);
  model.stored("b", {4}, model.integers_in(4, -300, 300), {0.1F / 64}, 0, Onnx::INT32);
  model.node("Conv", {x, "w", "b"}, {"c"}, "c");
  model.quantized("c", 1 / 64.0F, 120, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  const Node* conv = find_node(integer, OpKind::kConv);
  ASSERT_NE(conv, nullptr);
  EXPECT_EQ(integer.value(conv->inputs[1]).type, DataType::kInt16);
  EXPECT_EQ(integer.value(conv->inputs[2]).type, DataType::kInt32);
  QdqOptions exact;
  exact.exact = true;
  const auto qdq = write_qdq(imported->model, exact);
  ASSERT_TRUE(qdq) << qdq.error().text();
  expect_the_files_outputs(qdq->onnx, *imported, kPixels);
}

TEST(Import, WeightsByChannelThroughTransposedProducts) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.node("GlobalAveragePool", {x}, {"g"}, "g");
  const std::string pooled = model.quantized("g", 1 / 128.0F, 128);
  model.node("Flatten", {pooled}, {"f"}, "f");
  const std::string flat = model.quantized("f", 1 / 128.0F, 128);
  // Stored as (3, 4), one scale a column, then transposed for Gemm.
  model.stored("w", {3, 4}, model.integers_in(12, -128, 127),
               {1 / 128.0F, 1 / 64.0F, 1 / 32.0F, 1 / 256.0F}, 1);
  model.node("Transpose", {"w"}, {"wt"}, "wt").set("perm", std::vector<std::int64_t>{1, 0});
  model.node("Gemm", {flat, "wt"}, {"p"}, "p").set("transB", 1);
  model.quantized("p", 1 / 64.0F, 128, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  const Node* product = find_node(integer, OpKind::kGemm);
  ASSERT_NE(product, nullptr);
  EXPECT_THAT(integer.value(product->inputs[1]).quant->scale,
              ElementsAre(1 / 128.0F, 1 / 64.0F, 1 / 32.0F, 1 / 256.0F));
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, BatchNormalizationFoldsIntoTheScales) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  std::vector<int> weights = model.integers_in(2 * 3, -127, 127);
  model.stored("w", {2, 3, 1, 1}, weights, {1 / 128.0F});
  model.node("Conv", {x, "w"}, {"c"}, "c");
  model.floats("gamma", {2}, {2.0F, -0.5F});
  model.floats("beta", {2}, {0.25F, 1.0F});
  model.floats("mean", {2}, {0.5F, 0.0F});
  model.floats("variance", {2}, {1.0F, 1.0F});
  model.node("BatchNormalization", {"c", "gamma", "beta", "mean", "variance"}, {"n"}, "n")
      .set("epsilon", 0.0F);
  model.quantized("n", 1 / 8.0F, 120, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  const Node* conv = find_node(integer, OpKind::kConv);
  ASSERT_NE(conv, nullptr);
  EXPECT_THAT(integer.value(conv->inputs[1]).quant->scale, ElementsAre(1 / 64.0F, 1 / 256.0F));
  const auto integers = integer.value(conv->inputs[1]).constant->data<std::int8_t>();
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(integers[i], i < 3 ? weights[i] : -weights[i]);
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, FrameGoesThroughATableForEachChannel) {
  const InputSpec input = spec_of(3, {120, 130, 127.5F}, {64, 50, 58.4F});
  QuantizedModelBuilder model;
  model.quantized("x", 1 / 50.0F, 121, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, input);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(count_nodes(imported->model.integer, OpKind::kLookup), 3U);
  expect_the_files_outputs(model, *imported, input);
}

TEST(Import, FrameGoesThroughOneTableWhereChannelsAgree) {
  const InputSpec input = spec_of(3, {120.5F, 120.5F, 120.5F}, {64, 64, 64});
  QuantizedModelBuilder model;
  model.quantized("x", 1 / 50.0F, 0, Onnx::INT8, "y");
  model.output("y");
  const auto imported = import(model, input);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(count_nodes(imported->model.integer, OpKind::kLookup), 1U);
  expect_the_files_outputs(model, *imported, input);
}

TEST(Import, QuantizedOperatorsAreTheirRealOnes) {
  QuantizedModelBuilder model;
  model.import("com.microsoft", 1);
  const auto params = [&](const std::string& name, float scale, int zero_point) {
    model.floats(name + "_s", {}, {scale});
    model.small_integers(name + "_z", {}, Onnx::UINT8, {zero_point});
  };
  params("x", 1 / 64.0F, 128);
  params("a", 1 / 4.0F, 120);
  params("b", 1 / 2.0F, 110);
  params("p", 1 / 4.0F, 128);
  params("m", 1 / 2.0F, 125);
  model.node("QuantizeLinear", {"x", "x_s", "x_z"}, {"xq"}, "xq");
  model.small_integers("w", {4, 3, 3, 3}, Onnx::INT8, model.integers_in(4 * 27, -128, 127));
  model.floats("w_s", {4}, {1 / 128.0F, 1 / 64.0F, 1 / 256.0F, 1 / 128.0F});
  model.small_integers("w_z", {4}, Onnx::INT8, {0, 0, 0, 0});
  model.small_integers("bias", {4}, Onnx::INT32, model.integers_in(4, -3000, 3000));
  model
      .node("QLinearConv", {"xq", "x_s", "x_z", "w", "w_s", "w_z", "a_s", "a_z", "bias"}, {"aq"},
            "conv")
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const auto contributed = [&](const char* op, const std::vector<std::string>& inputs,
                               const char* output) {
    auto attributes = model.node(op, inputs, {output}, output);
    model.graph().mutable_node(model.graph().node_size() - 1)->set_domain("com.microsoft");
    return attributes;
  };
  contributed("QLinearAdd", {"aq", "a_s", "a_z", "aq", "a_s", "a_z", "b_s", "b_z"}, "bq");
  contributed("QLinearGlobalAveragePool", {"bq", "b_s", "b_z", "p_s", "p_z"}, "pq")
      .set("channels_last", 0);
  model.integers("rows", {2}, {1, 4});
  model.node("Reshape", {"pq", "rows"}, {"fq"}, "fq");  // of integers
  model.small_integers("v", {4, 5}, Onnx::UINT8, model.integers_in(20, 0, 255));
  model.floats("v_s", {}, {1 / 128.0F});
  model.small_integers("v_z", {}, Onnx::UINT8, {128});
  model.node("QLinearMatMul", {"fq", "p_s", "p_z", "v", "v_s", "v_z", "m_s", "m_z"}, {"mq"}, "mq");
  model.node("DequantizeLinear", {"mq", "m_s", "m_z"}, {"y"}, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  const Graph& integer = imported->model.integer;
  EXPECT_EQ(count_nodes(integer, OpKind::kConv), 1U);
  EXPECT_EQ(count_nodes(integer, OpKind::kGemm), 1U);
  EXPECT_TRUE(integer.find_value("aq").has_value()) << "integers keep the file's name";
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, IntegersCanBeOutputsOfTheModel) {
  QuantizedModelBuilder model;
  model.floats("s", {}, {1 / 32.0F});
  model.small_integers("z", {}, Onnx::INT8, {3});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"}, "q");
  model.node("DequantizeLinear", {"q", "s", "z"}, {"r"}, "r");
  model.node("Relu", {"r"}, {"y"}, "y");
  model.output("q");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_FALSE(imported) << "the Relu has no parameters";
  NoFrames none;
  testing::RandomFrames frames(kPixels, 2);
  OptimizerOptions options;
  options.input = kPixels;
  const auto calibrated = optimize(model.bytes(), options, frames, {});
  ASSERT_TRUE(calibrated) << calibrated.error().text();
  const Graph& host = calibrated->model.host;
  EXPECT_EQ(host.value(host.outputs[0]).name, "q");
  EXPECT_EQ(host.value(host.outputs[0]).type, DataType::kInt8);
  EXPECT_EQ(host.value(host.outputs[1]).name, "y");
}

TEST(Import, TheHostRoundsAsTheFileDoes) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.node("Hardmax", {x}, {"h"}, "h").set("axis", 1);  // has no integer form
  model.floats("third", {}, {0.3F});
  model.node("Mul", {"h", "third"}, {"m"}, "m");
  model.quantized("m", 1 / 8.0F, 5, Onnx::UINT8, "y");
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_EQ(count_nodes(imported->model.host, OpKind::kQuantizeLinear), 1U);
  expect_the_files_outputs(model, *imported, kPixels);
}

TEST(Import, OnlyWhatHasNoParametersIsCalibrated) {
  QuantizedModelBuilder model;
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 4, 1 / 128.0F, 1 / 8192.0F);
  model.node("LeakyRelu", {"c"}, {"l"}, "l").set("alpha", 0.1F);
  model.quantized("l", 1 / 4.0F, 40, Onnx::UINT8, "y");
  model.output("y");
  const auto without = import(model, kPixels);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(without.error().text(), HasSubstr("no parameters for 1 of its tensors (c)"));

  testing::RandomFrames frames(kPixels, 4);
  OptimizerOptions options;
  options.input = kPixels;
  const auto imported = optimize(model.bytes(), options, frames, {});
  ASSERT_TRUE(imported) << imported.error().text();
  EXPECT_THAT(imported->calibrated, ElementsAre("c"));
  const Graph& integer = imported->model.integer;
  EXPECT_THAT(scales_and_zero_points(integer, integer.outputs[0]), ElementsAre(0.25F, 40.0F));
}

TEST(Import, WhatWouldChangeParametersIsRefused) {
  QuantizedModelBuilder model;
  model.quantized("x", 1 / 50.0F, 121, Onnx::UINT8, "y");
  model.output("y");
  const auto refused = [&](const OptimizerOptions& options) {
    const auto imported = import(model, kPixels, options);
    EXPECT_FALSE(imported);
    if (imported) return std::string();
    EXPECT_EQ(imported.error().code, ErrorCode::kInvalidArgument);
    return imported.error().text();
  };
  OptimizerOptions level;
  level.level = OptimizationLevel::kBiasCorrection;
  EXPECT_THAT(refused(level), HasSubstr("level 1 cannot be carried out"));
  OptimizerOptions compression;
  compression.share_in_4_bits = 0.2;
  EXPECT_THAT(refused(compression), HasSubstr("compression"));
  OptimizerOptions wanted;
  wanted.wanted_db = {40};
  EXPECT_THAT(refused(wanted), HasSubstr("signal-to-noise"));
  OptimizerOptions encoded;
  encoded.script.emplace();
  encoded.script->globals.output_encoding_vector = true;
  encoded.script->globals.line = 1;
  EXPECT_THAT(refused(encoded), HasSubstr("the script's output_encoding_vector"));
}

struct Refused {
  const char* name;
  std::function<void(QuantizedModelBuilder&)> build;
  std::vector<const char*> words;
};

class ImportRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(ImportRefuses, NamingTheNode) {
  QuantizedModelBuilder model;
  GetParam().build(model);
  model.output("y");
  const auto imported = import(model, kPixels);
  ASSERT_FALSE(imported);
  for (const char* word : GetParam().words) EXPECT_THAT(imported.error().text(), HasSubstr(word));
}

void activation_by_channel(QuantizedModelBuilder& model) {
  model.floats("s", {3}, {0.1F, 0.2F, 0.3F});
  model.small_integers("z", {3}, Onnx::UINT8, {1, 2, 3});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"}, "by_channel").set("axis", 1);
  model.node("DequantizeLinear", {"q", "s", "z"}, {"y"}, "back").set("axis", 1);
}

void more_zero_points_than_scales(QuantizedModelBuilder& model) {
  model.floats("s", {}, {0.1F});
  model.small_integers("z", {3}, Onnx::UINT8, {1, 2, 3});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"}, "too_many");
  model.node("DequantizeLinear", {"q", "s"}, {"y"}, "back");
}

void weights_with_fewer_zero_points_than_scales(QuantizedModelBuilder& model) {
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.small_integers("w", {4, 3, 1, 1}, Onnx::INT8, model.integers_in(12, -127, 127));
  model.floats("s", {4}, {0.1F, 0.2F, 0.3F, 0.4F});
  model.small_integers("z", {3}, Onnx::INT8, {0, 0, 0});
  model.node("DequantizeLinear", {"w", "s", "z"}, {"real"}, "too_few").set("axis", 0);
  model.node("Conv", {x, "real"}, {"c"}, "c");
  model.quantized("c", 1 / 8.0F, 120, Onnx::UINT8, "y");
}

void no_scale(QuantizedModelBuilder& model) {
  model.floats("s", {0}, {});
  model.node("QuantizeLinear", {"x", "s"}, {"q"}, "empty_scale");
  model.node("DequantizeLinear", {"q", "s"}, {"y"}, "back");
}

void scale_of_zero(QuantizedModelBuilder& model) {
  model.floats("s", {}, {0.0F});
  model.node("QuantizeLinear", {"x", "s"}, {"q"}, "zero_scale");
  model.node("DequantizeLinear", {"q", "s"}, {"y"}, "back");
}

// Of anything but the frame's own bytes.
void zero_points_by_channel(QuantizedModelBuilder& model) {
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.convolution(x, "c", 3, 3, 1 / 128.0F, 1 / 8192.0F);
  model.floats("s", {}, {0.1F});
  model.floats("t", {3}, {0.1F, 0.1F, 0.1F});
  model.small_integers("u", {3}, Onnx::UINT8, {1, 2, 3});
  model.node("QuantizeLinear", {"c", "s"}, {"q"}, "there");
  model.node("DequantizeLinear", {"q", "t", "u"}, {"y"}, "and_back").set("axis", 1);
}

void activation_of_four_bits(QuantizedModelBuilder& model) {
  model.floats("s", {}, {0.1F});
  model.small_integers("z", {}, static_cast<Onnx::DataType>(kOnnxUint4), {8});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"}, "narrow");
  model.node("DequantizeLinear", {"q", "s", "z"}, {"y"}, "back");
}

void scales_by_input_channel(QuantizedModelBuilder& model) {
  const std::string x = model.quantized("x", 1 / 64.0F, 128);
  model.stored("w", {4, 3, 1, 1}, model.integers_in(12, -127, 127), {0.1F, 0.2F, 0.3F}, 1);
  model.node("Conv", {x, "w"}, {"c"}, "odd_scales");
  model.quantized("c", 1 / 8.0F, 120, Onnx::UINT8, "y");
}

INSTANTIATE_TEST_SUITE_P(
    All, ImportRefuses,
    ::testing::Values(
        Refused{"ActivationByChannel", activation_by_channel, {"by_channel", "3 scales"}},
        Refused{"ActivationOfFourBits", activation_of_four_bits, {"narrow", "'z'", "4 bits"}},
        Refused{
            "MoreZeroPointsThanScales", more_zero_points_than_scales, {"too_many", "zero points"}},
        Refused{"WeightsWithFewerZeroPointsThanScales",
                weights_with_fewer_zero_points_than_scales,
                {"too_few"}},
        Refused{"NoScale", no_scale, {"empty_scale", "scales 0"}},
        Refused{"ScaleOfZero", scale_of_zero, {"zero_scale", "not a positive number"}},
        Refused{"ZeroPointsByChannel", zero_points_by_channel, {"y", "3 scales"}},
        Refused{
            "ScalesByInputChannel", scales_by_input_channel, {"odd_scales", "output channels"}}),
    [](const auto& test) { return std::string(test.param.name); });

// What this project exports comes back as it was, whatever the normalization.
void expect_own_export_comes_back(const std::string& script, int opset) {
  const InputSpec input = spec_of(3, {123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F});
  ModelBuilder model;
  model.input("x", {1, 3, kSide, kSide});
  std::mt19937 engine(5);
  std::normal_distribution<float> normal(0.0F, 0.5F);
  const auto random = [&](const std::string& name, const Shape& shape) {
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& value : values) value = normal(engine);
    model.floats(name, shape, values);
  };
  random("w1", {8, 3, 3, 3});
  random("b1", {8});
  model.node("Conv", {"x", "w1", "b1"}, {"c1"}, "c1")
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("Relu", {"c1"}, {"r1"}, "r1");
  random("w2", {8, 1, 3, 3});
  model.node("Conv", {"r1", "w2"}, {"c2"}, "c2")
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1})
      .set("group", 8);
  model.node("Add", {"r1", "c2"}, {"sum"}, "sum");
  model.node("Concat", {"sum", "c2"}, {"y"}, "y").set("axis", 1);
  model.output("y");
  OptimizerOptions options;
  options.input = input;
  OptimizerOptions scripted = options;
  auto parsed = parse_model_script({"net.alls", script});
  ASSERT_TRUE(parsed) << parsed.error().text();
  scripted.script = std::move(*parsed);
  testing::RandomFrames frames(input, 4);
  const auto quantized = optimize(model.bytes(), scripted, frames, {});
  ASSERT_TRUE(quantized) << quantized.error().text();
  const auto exported = write_qdq(quantized->model, {});
  ASSERT_TRUE(exported) << exported.error().text();
  EXPECT_EQ(exported->opset, opset);
  NoFrames none;
  const auto back = optimize(exported->onnx, options, none, {});
  ASSERT_TRUE(back) << back.error().text();
  const auto run = [&](const QuantizedModel& m) {
    auto plan = IntegerPlan::create(std::make_shared<const Graph>(m.integer),
                                    {available_isas().front(), {}});
    EXPECT_TRUE(plan) << plan.error().text();
    IntegerExecutor emulator(*plan, 1);
    std::vector<Tensor> outputs = emulator.make_outputs();
    EXPECT_TRUE(emulator.run(testing::random_frame(input, 9), outputs));
    const auto data = outputs[0].data<std::uint8_t>();
    return std::vector<int>(data.begin(), data.end());
  };
  EXPECT_EQ(run(quantized->model), run(back->model));
}

TEST(Import, OwnExportComesBackBitForBit) { expect_own_export_comes_back("", 13); }

TEST(Import, OwnExportOfFourBitsComesBackBitForBit) {
  expect_own_export_comes_back("quantization_param({*}, precision_mode=a8_w4)\n", 21);
}

}  // namespace
}  // namespace quant
