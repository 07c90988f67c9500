// SPDX-License-Identifier: MIT
#include "quant/script/resolve.h"

#include <gmock/gmock.h>

#include "quant/script/script_report.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const std::vector<Layer>& net() {
  static const std::vector<Layer> layers = {{"input_layer1", "input_layer", {"image"}, "net"},
                                            {"conv1", "conv", {"/a/Conv"}, "net"},
                                            {"conv2", "conv", {"/b/Conv"}, "net"},
                                            {"ew_add1", "ew_add", {"/Add"}, "net"},
                                            {"output_layer1", "output_layer", {"heat"}, "net"}};
  return layers;
}

std::vector<EffectiveSettings> resolved(const std::string& text) {
  const auto script = parse_model_script({"s", text});
  EXPECT_TRUE(script.has_value()) << script.error().message;
  auto layers = resolve(*script, net());
  EXPECT_TRUE(layers.has_value()) << layers.error().message;
  return layers ? *layers : std::vector<EffectiveSettings>(net().size());
}

TEST(Resolve, DefaultsHaveNoLine) {
  const auto layers = resolved("");
  ASSERT_THAT(layers, SizeIs(5));
  EXPECT_EQ(layers[1].layer, net()[1]);
  EXPECT_EQ(layers[1].precision, (Decided<PrecisionMode>{{8, 8, 8}, 0}));
  EXPECT_EQ(layers[1].bias_mode.value, BiasMode::kSingleScaleDecomposition);
  EXPECT_EQ(layers[1].quantization_groups, (Decided<int>{1, 0}));
  EXPECT_FALSE(layers[1].force_range_out.value);
}

TEST(Resolve, LaterLinesOverrideWhateverTheySelectBy) {
  const auto layers = resolved(
      "quantization_param({net/*}, precision_mode=a16_w16)\n"
      "quantization_param(conv1, precision_mode=a8_w4)\n"
      "quantization_param(\"/b/Conv\", precision_mode=a16_w8_a16)\n"
      "quantization_param([conv1, ew_add1], bias_mode=double_scale_initialization)\n"
      "quantization_param({conv[1]}, precision_mode=a8_w8)\n");
  EXPECT_EQ(layers[0].precision, (Decided<PrecisionMode>{{16, 16, 16}, 1}));
  EXPECT_EQ(layers[1].precision, (Decided<PrecisionMode>{{8, 8, 8}, 5}));
  EXPECT_EQ(layers[2].precision, (Decided<PrecisionMode>{{16, 8, 16}, 3}));
  EXPECT_EQ(layers[3].precision, (Decided<PrecisionMode>{{16, 16, 16}, 1}));
  EXPECT_EQ(layers[3].bias_mode, (Decided<BiasMode>{BiasMode::kDoubleScaleInitialization, 4}));
}

TEST(Resolve, ForcedRangesByInput) {
  const auto layers = resolved(
      "quantization_param(ew_add1, force_range_in=[-1, 1], force_range_index=0)\n"
      "quantization_param(ew_add1, force_range_in=[-2, 2])\n"
      "quantization_param(ew_add1, force_range_in=[-3, 3], force_range_index=1)\n"
      "quantization_param({*}, force_range_out=[-10.0, 10.0])\n");
  // Line 2 is for every input, and later than line 1.
  EXPECT_EQ(layers[3].force_range_in.value, (ValueRange{-2, 2}));
  EXPECT_THAT(layers[3].force_range_in_by_index,
              ElementsAre(Pair(1, Decided<ValueRange>{{-3, 3}, 3})));
  EXPECT_EQ(layers[2].force_range_out.value, (ValueRange{-10, 10}));
  EXPECT_EQ(layers[2].force_range_out.line, 4);
}

TEST(Resolve, ClippingExponentsAndActivations) {
  const auto layers = resolved(
      "pre_quantization_optimization(activation_clipping, layers={*}, mode=percentile, "
      "clipping_values=[0.01, 99.99])\n"
      "pre_quantization_optimization(activation_clipping, layers=conv2, mode=disabled)\n"
      "pre_quantization_optimization(weights_clipping, layers=[conv1], mode=mmse)\n"
      "model_optimization_config(negative_exponent, layers={conv*}, rank=2)\n"
      "change_output_activation(output_layer1, tanh)\n"
      "change_output_activation(sigmoid)\n");
  EXPECT_EQ(layers[1].activation_clipping.value->values, (ValueRange{0.01, 99.99}));
  EXPECT_EQ(layers[2].activation_clipping.value->mode, ActivationClippingMode::kDisabled);
  EXPECT_EQ(layers[2].activation_clipping.line, 2);
  EXPECT_EQ(layers[1].weights_clipping.value->mode, WeightsClippingMode::kMmse);
  EXPECT_EQ(layers[1].negative_exponent_rank, (Decided<int>{2, 4}));
  EXPECT_EQ(layers[4].output_activation.value, OutputActivationKind::kSigmoid);
  EXPECT_EQ(layers[4].output_activation.line, 6);
  EXPECT_FALSE(layers[3].output_activation.value);
}

TEST(Resolve, SixteenBitOutputsYieldToALineAboutTheLayer) {
  const std::string global = "model_optimization_config(globals, output_16bit=enabled)\n";
  EXPECT_EQ(resolved(global)[4].precision, (Decided<PrecisionMode>{{16, 16, 16}, 1}));
  EXPECT_EQ(resolved(global)[3].precision.line, 0);
  EXPECT_EQ(resolved("quantization_param(output_layer1, precision_mode=a8_w8)\n" + global)[4]
                .precision.line,
            1);
}

TEST(Resolve, SelectorsThatMatchNothingAreAllReported) {
  const auto script =
      parse_model_script({"s",
                          "quantization_param([conv1, conv12], precision_mode=a16_w16)\n"
                          "post_quantization_optimization(finetune, loss_layer_names=[{fc*}])\n"
                          "n = normalization([0], [1], input_layer2)\n"});
  ASSERT_TRUE(script.has_value());
  const auto layers = resolve(*script, net());
  ASSERT_FALSE(layers.has_value());
  EXPECT_EQ(layers.error().code, ErrorCode::kNotFound);
  const std::string types = " (types of layers here: conv, ew_add, input_layer, output_layer)\n";
  EXPECT_EQ(layers.error().message,
            "s:1:28: no layer is called 'conv12'; did you mean 'conv1' or 'conv2'?" + types +
                "quantization_param([conv1, conv12], precision_mode=a16_w16)\n"
                "                           ^\n"
                "s:2:60: no layer matches '{fc*}'" +
                types +
                "post_quantization_optimization(finetune, loss_layer_names=[{fc*}])\n"
                "                                                           ^\n"
                "s:3:29: no layer is called 'input_layer2'; did you mean 'input_layer1'?" +
                types +
                "n = normalization([0], [1], input_layer2)\n"
                "                            ^");
}

TEST(Resolve, ErrorsHaveALimit) {
  std::string text = "quantization_param([x0";
  for (int i = 1; i < 1000; ++i) text += ", x" + std::to_string(i);
  const auto reading = read_model_script({"s", text + "], precision_mode=a8_w8)"});
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_THAT(resolve_as_far_as_possible(reading.script, net()).errors, SizeIs(kMaxErrors));
}

TEST(ScriptReport, TextOfSettingsAndTheirLines) {
  const auto reading = read_model_script(
      {"s",
       "quantization_param({conv*}, precision_mode=a16_w16, force_range_out=[-1, 1])\n"
       "pre_quantization_optimization(weights_clipping, layers=conv2, mode=mmse)\n"
       "place(1, [a])\nplace(2, [b])\nallocator_param(x=1)\n"});
  auto report = script_report(reading.script, reading.errors);
  add_layers(report,
             resolve_as_far_as_possible(reading.script, std::span(net()).subspan(1, 2)).layers);
  EXPECT_EQ(script_report_text(report),
            "s: no errors\n\nwithout effect here\n  place, 2 times from line 3 on\n"
            "  allocator_param, line 5\n\n"
            "layers (in brackets the line that decides; without, it is the default)\n"
            "  name   type  precision    bias mode                   clipping          "
            "forced range        original name\n"
            "  conv1  conv  a16_w16 (1)  single_scale_decomposition  -                 "
            "out [-1.0,1.0] (1)  /a/Conv\n"
            "  conv2  conv  a16_w16 (1)  single_scale_decomposition  weights mmse (2)  "
            "out [-1.0,1.0] (1)  /b/Conv\n");
}

}  // namespace
}  // namespace quant
