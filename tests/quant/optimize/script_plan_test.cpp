// SPDX-License-Identifier: MIT
#include "quant/optimize/script_plan.h"

#include <gmock/gmock.h>

#include "quant/graph_builder.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::padded;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// conv1 → activation1 (Relu) → conv2 → output; conv1 has a large weight.
Graph network() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  std::vector<float> weights(4 * 3 * 9, 0.25F);
  weights[5] = -4.0F;
  const ValueId first =
      builder.node(OpKind::kConv, {x, builder.constant({4, 3, 3, 3}, weights)}, padded(1));
  const ValueId relu = builder.node(OpKind::kRelu, {first});
  return builder.build(
      {builder.node(OpKind::kConv, {relu, builder.random({2, 4, 3, 3}, 0.5F)}, padded(1))});
}

ModelScript script(const std::string& text) {
  auto parsed = parse_model_script({"net.alls", text});
  EXPECT_TRUE(parsed) << parsed.error().text();
  return parsed ? *parsed : ModelScript{};
}

ScriptPlan planned(const std::string& text) {
  auto plan = plan_script(script(text), network(), "net");
  EXPECT_TRUE(plan) << plan.error().text();
  return plan ? *plan : ScriptPlan{};
}

TEST(ScriptPlan, WeightsOfFourBitsAreClippedUnlessToldOtherwise) {
  using Clip = WeightScaling::Clip;
  const auto layers = planned(
                          "quantization_param({conv*}, precision_mode=a8_w4)\n"
                          "pre_quantization_optimization(weights_clipping, layers=conv2, "
                          "mode=disabled)\n")
                          .plan.layers;
  EXPECT_EQ(layers[0].precision.weight_bits, 4);
  EXPECT_EQ(layers[0].scaling.clip, Clip::kMse);
  EXPECT_EQ(layers[2].scaling.clip, Clip::kNone);
  EXPECT_EQ(planned("").plan.layers[0].scaling.clip, Clip::kNone);
}

TEST(ScriptPlan, ManualAndPercentileClippingAndGroups) {
  using Clip = WeightScaling::Clip;
  const auto manual = planned(
                          "pre_quantization_optimization(weights_clipping, layers=conv1, "
                          "mode=manual, clipping_values=[-0.5, 0.75])\n"
                          "quantization_param(conv1, quantization_groups=2)\n")
                          .plan.layers[0];
  EXPECT_EQ(manual.scaling.clip, Clip::kManual);
  EXPECT_DOUBLE_EQ(manual.scaling.limit, 0.75);
  EXPECT_EQ(manual.scaling.groups, 2);
  const auto percentile = planned(
                              "pre_quantization_optimization(weights_clipping, layers=conv1, "
                              "mode=percentile, clipping_values=[0, 99])\n")
                              .plan.layers[0];
  EXPECT_DOUBLE_EQ(percentile.scaling.limit, 0.25);  // the one large weight lies beyond
}

TEST(ScriptPlan, GroupsOfInputChannelsAreForFourBits) {
  const ScriptPlan plan = planned(
      "quantization_param({conv*}, weight_group_size=2)\n"
      "quantization_param(conv2, precision_mode=a8_w4, weight_group_size=3)\n");
  EXPECT_EQ(plan.plan.layers[2].scaling.group_size, 3);
  EXPECT_EQ(plan.plan.layers[0].scaling.group_size, 2);
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0],
              HasSubstr("line 1: weight_group_size has no effect on weights of 8 and 16 bits"));
}

// A range is forced on what the layer makes, its activation included.
TEST(ScriptPlan, ForcedRanges) {
  const Graph graph = network();
  const ValueId conv = graph.nodes[0].outputs[0];
  const ValueId relu = graph.nodes[1].outputs[0];
  EXPECT_THAT(planned("quantization_param(conv1, force_range_out=[0, 6])\n").forced,
              UnorderedElementsAre(Pair(conv, Range{0, 6}), Pair(relu, Range{0, 6})));
  EXPECT_THAT(planned("quantization_param(conv2, force_range_in=[-1, 2])\n").forced,
              UnorderedElementsAre(Pair(relu, Range{-1, 2})));
  EXPECT_THAT(planned("pre_quantization_optimization(activation_clipping, layers=conv2, "
                      "mode=percentile, clipping_values=[1, 99])\n")
                  .percentiles,
              UnorderedElementsAre(Pair(graph.nodes[2].outputs[0], Percentiles{1, 99})));
}

TEST(ScriptPlan, AnInputThatTheLayerLacks) {
  const auto plan = plan_script(
      script("\nquantization_param(conv2, force_range_in=[-1, 2], force_range_index=1)\n"),
      network(), "net");
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().text(), HasSubstr("net.alls: line 2: conv2 has 1 inputs"));
}

TEST(ScriptPlan, OutputsOfSixteenBits) {
  const auto layers =
      planned("model_optimization_config(globals, output_16bit=enabled)").plan.layers;
  EXPECT_EQ(layers[0].precision, (PrecisionMode{8, 8, 8}));
  EXPECT_EQ(layers[2].precision, (PrecisionMode{8, 8, 16}));
}

// fc1 and fc2 → matmul1 → softmax1 → matmul2, whose other side is fc3.
Graph attention() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 4, 4});
  const auto dense = [&] {
    return builder.node(OpKind::kMatMul, {x, builder.random({4, 4}, 0.5F)});
  };
  const ValueId q = dense();
  const ValueId k =
      builder.node(OpKind::kTranspose, {dense()},
                   testing::attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  const ValueId scores = builder.node(OpKind::kMatMul, {q, k});
  const ValueId softmax =
      builder.node(OpKind::kSoftmax, {scores}, testing::attributes({{"axis", std::int64_t{2}}}));
  return builder.build({builder.node(OpKind::kMatMul, {softmax, dense()})});
}

ScriptPlan planned_attention(const std::string& text) {
  auto plan = plan_script(script(text), attention(), "net");
  EXPECT_TRUE(plan) << plan.error().text();
  return plan ? *plan : ScriptPlan{};
}

TEST(ScriptPlan, ProductsThatAreEqualized) {
  EXPECT_THAT(planned_attention("").equalized_products, IsEmpty());
  const std::string all = "pre_quantization_optimization(matmul_equalization, layers={matmul*})\n";
  const ScriptPlan plan = planned_attention(all);
  EXPECT_EQ(plan.equalized_products.size(), 1U);
  EXPECT_THAT(plan.notes,
              ElementsAre(HasSubstr("line 1: matmul_equalization has no effect on matmul2: ")));
  // The later line decides.
  EXPECT_THAT(planned_attention(all + "pre_quantization_optimization(matmul_equalization, "
                                      "layers=matmul1, policy=disabled)\n")
                  .equalized_products,
              IsEmpty());
  // A range is given in the units of the tensor as it is.
  EXPECT_THAT(planned_attention(all + "quantization_param(matmul1, force_range_in=[-1, 1])\n")
                  .equalized_products,
              IsEmpty());
}

TEST(ScriptPlan, WhatHasNoEffectIsSaidWithItsLine) {
  EXPECT_THAT(planned("quantization_param(conv1, bias_mode=double_scale_initialization)\n"
                      "allocator_param(width_splitter_defuse=disabled)\n"
                      "pre_quantization_optimization(matmul_equalization, layers={conv*})\n")
                  .notes,
              ElementsAre(HasSubstr("line 1: bias_mode has no effect here"),
                          HasSubstr("line 3: matmul_equalization has no effect on conv1, conv2: "),
                          HasSubstr("line 2: allocator_param has no effect here")));
}

TEST(ScriptPlan, WhoWantsOutputsWithAScalePerChannel) {
  EXPECT_EQ(planned("").encodes_outputs, 0);
  EXPECT_EQ(planned("\nmodel_optimization_config(globals, output_encoding_vector=enabled)\n")
                .encodes_outputs,
            2);
  EXPECT_EQ(planned("model_optimization_config(globals, output_encoding_vector=enabled)\n"
                    "model_optimization_config(globals, output_encoding_vector=disabled)\n")
                .encodes_outputs,
            0);
}

TEST(InputSettings, NormalizationAndColour) {
  InputSpec input{"x", 8, 8, ColorOrder::kBgr, {0, 0, 0}, {1, 1, 1}};
  ASSERT_TRUE(apply_input_settings(
      script("n = normalization([1, 2, 3], [4, 5, 6])\ninput_conversion(input_layer1, yuv_to_rgb)"),
      input));
  EXPECT_THAT(input.mean, ElementsAre(1, 2, 3));
  EXPECT_THAT(input.std, ElementsAre(4, 5, 6));
  EXPECT_EQ(input.color, ColorOrder::kRgb);
}

TEST(InputSettings, ValuesThatDoNotFitAndTwoNormalizations) {
  InputSpec input{"x", 8, 8, ColorOrder::kRgb, {0, 0, 0}, {1, 1, 1}};
  auto status = apply_input_settings(script("\nn = normalization([1, 2], [4, 5])"), input);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), HasSubstr("net.alls: line 2:"));
  status = apply_input_settings(
      script("n = normalization([0], [1])\nm = normalization([0], [255])"), input);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().text(), HasSubstr("lines 1 and 2 both normalize"));
}

}  // namespace
}  // namespace quant
