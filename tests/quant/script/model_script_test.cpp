// SPDX-License-Identifier: MIT
#include "quant/script/model_script.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ModelScript read(const std::string& text) {
  auto script = parse_model_script({"test.alls", text});
  EXPECT_TRUE(script.has_value()) << script.error().message;
  return script ? *script : ModelScript{};
}

TEST(ModelScript, AnEmptyScriptIsAllDefaults) {
  ModelScript expected;
  expected.source.file = "test.alls";
  EXPECT_EQ(read(""), expected);
}

TEST(ModelScript, CommandsOfTheNetwork) {
  const ModelScript script = read(
      "normalization1 = normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])\n"
      "n2 = normalization([0.], [255.], input_layer2)\n"
      "c = input_conversion(bgr_to_rgb)\n"
      "d, e = input_conversion(net/input_layer1, yuy2_to_hailo_yuv, emulator_support=True)\n"
      "r = resize(input_layer1, resize_shapes=[1080, 1920])\n"
      "t = transpose(input_layer1)\n"
      "change_output_activation(sigmoid)\n"
      "change_output_activation(conv74, TANH)\n"
      "nms_postprocess(\"../nms.json\", yolov5, engine=cpu)\n"
      "nms_postprocess(meta_arch=yolov8, engine=nn_core, bbox_decoding_only=True)\n");
  ASSERT_THAT(script.normalizations, SizeIs(2));
  EXPECT_THAT(script.normalizations[0].mean, ElementsAre(123.675, 116.28, 103.53));
  EXPECT_TRUE(script.normalizations[0].input.empty());
  EXPECT_EQ(to_text(script.normalizations[1].input), "input_layer2");
  EXPECT_EQ(script.normalizations[1].line, 2);
  ASSERT_THAT(script.input_conversions, SizeIs(2));
  EXPECT_TRUE(script.input_conversions[0].input.empty());
  EXPECT_EQ(script.input_conversions[1].conversion, InputConversionKind::kYuy2ToYuv);
  EXPECT_TRUE(script.input_conversions[1].emulator_support);
  EXPECT_THAT(script.resizes.at(0).size, ElementsAre(1080, 1920));
  EXPECT_EQ(script.transposes.at(0).line, 6);
  ASSERT_THAT(script.output_activations, SizeIs(2));
  EXPECT_TRUE(script.output_activations[0].layers.empty());
  EXPECT_EQ(script.output_activations[1].activation, OutputActivationKind::kTanh);
  ASSERT_THAT(script.nms_postprocesses, SizeIs(2));
  EXPECT_EQ(script.nms_postprocesses[0].config, "../nms.json");
  EXPECT_EQ(script.nms_postprocesses[0].meta_arch, "yolov5");
  EXPECT_TRUE(script.nms_postprocesses[1].bbox_decoding_only);
}

TEST(ModelScript, QuantizationOfLayersInOrder) {
  const ModelScript script = read(
      "quantization_param({conv*}, precision_mode=a16_w16, bias_mode=double_scale_initialization)\n"
      "quantization_param([fc1, \"/head/Conv\"], quantization_groups=4, weight_group_size=128)\n"
      "quantization_param(ew_add1, force_range_in=[-5.81, 6.56], force_range_index=0)\n"
      "quantization_param(ew_add1, force_range_out=[-10, 10.0], max_elementwise_feed_repeat=1,\n"
      "                   activation_fit=disabled)\n");
  const auto& params = script.quantization_params;
  ASSERT_THAT(params, SizeIs(4));
  EXPECT_EQ(params[0].precision, (PrecisionMode{16, 16, 16}));
  EXPECT_EQ(params[0].bias_mode, BiasMode::kDoubleScaleInitialization);
  EXPECT_FALSE(params[0].force_range_out);
  EXPECT_EQ(params[1].quantization_groups, 4);
  EXPECT_EQ(params[1].weight_group_size, 128);
  EXPECT_EQ(params[1].layers.items.at(1).kind, SelectorItem::Kind::kOriginalName);
  EXPECT_EQ(params[2].force_range_in, (ValueRange{-5.81, 6.56}));
  EXPECT_EQ(params[2].force_range_index, 0);
  EXPECT_EQ(params[3].force_range_out, (ValueRange{-10.0, 10.0}));
  EXPECT_EQ(params[3].activation_fit, false);
  EXPECT_EQ(params[3].line, 4);
}

TEST(ModelScript, OfSingleSettingsTheLastLineCountsAndTheOthersStay) {
  const ModelScript script = read(
      "model_optimization_config(calibration, batch_size=4)\n"
      "model_optimization_config(calibration, calibset_size=512)\n"
      "model_optimization_flavor(optimization_level=-100, compression_level=5)\n"
      "model_optimization_flavor(optimization_level=4)\n"
      "post_quantization_optimization(finetune, policy=enabled, epochs=8)\n"
      "post_quantization_optimization(finetune, learning_rate=1e-5)\n");
  EXPECT_EQ(script.calibration, (CalibrationSettings{4, 512, 2}));
  EXPECT_EQ(script.flavor, (OptimizationFlavor{4, 5, 8, 4}));
  EXPECT_EQ(script.finetune.policy, true);
  EXPECT_EQ(script.finetune.epochs, 8);
  EXPECT_EQ(script.finetune.learning_rate, 1e-5);
  EXPECT_EQ(script.finetune.line, 6);
}

TEST(ModelScript, Configuration) {
  const ModelScript script = read(
      "model_optimization_config(globals, output_encoding_vector=enabled, output_16bit=enabled)\n"
      "model_optimization_config(checker_cfg, policy=disabled, analyze_mode=advanced)\n"
      "model_optimization_config(negative_exponent, layers={*}, rank=0)\n"
      "model_optimization_config(compression_params, auto_4bit_weights_ratio=0.2)\n"
      "post_quantization_optimization(mix_precision_search, snr_cap=100, optimizer=pareto)\n");
  EXPECT_TRUE(script.globals.output_encoding_vector);
  EXPECT_TRUE(script.globals.output_16bit);
  EXPECT_FALSE(script.checker.policy);
  EXPECT_EQ(script.checker.analyze_mode, AnalyzeMode::kAdvanced);
  EXPECT_EQ(script.negative_exponents.at(0).rank, 0);
  EXPECT_EQ(script.compression.auto_4bit_weights_ratio, 0.2);
  EXPECT_FALSE(script.compression.auto_16bit_weights_ratio);
  EXPECT_EQ(script.mix_precision_search.snr_cap_db, 100.0);
  EXPECT_EQ(script.mix_precision_search.optimizer, SearchOptimizer::kPareto);
}

TEST(ModelScript, Algorithms) {
  const ModelScript script = read(
      "pre_quantization_optimization(equalization, policy=disabled)\n"
      "pre_quantization_optimization(activation_clipping, layers=[conv20], mode=percentile,\n"
      "                              clipping_values=[0.01, 99.7], recollect_stats=True)\n"
      "pre_quantization_optimization(weights_clipping, layers=conv75, mode=manual,\n"
      "                              clipping_values=[-32.52, 32.52])\n"
      "pre_quantization_optimization(ew_add_fusing, policy=disabled, infusible_ew_add_type=conv)\n"
      "pre_quantization_optimization(layer_norm_decomposition, equalization=disabled,\n"
      "                              bit_decomposition_mode=uniform_precision)\n"
      "pre_quantization_optimization(global_avgpool_reduction, layers=avgpool7,\n"
      "                              division_factors=[128, 1])\n"
      "pre_quantization_optimization(matmul_equalization, layers={matmul*}, matmul_bias=enabled)\n"
      "pre_quantization_optimization(matmul_correction, layers={matmul*},\n"
      "                              correction_type=zp_comp_block)\n"
      "post_quantization_optimization(bias_correction, policy=enabled)\n"
      "post_quantization_optimization(adaround, policy=enabled, epochs=100, mode=train_all)\n"
      "post_quantization_optimization(finetune, loss_layer_names=[conv1, conv2],\n"
      "                              loss_types=[L2REL, ce], loss_factors=[1, 0.125])\n");
  EXPECT_EQ(script.equalization.policy, false);
  EXPECT_EQ(script.activation_clippings.at(0).values, (ValueRange{0.01, 99.7}));
  EXPECT_TRUE(script.activation_clippings[0].recollect_stats);
  EXPECT_EQ(script.weights_clippings.at(0).mode, WeightsClippingMode::kManual);
  EXPECT_EQ(script.ew_add_fusing.infusible_ew_add_type, "conv");
  EXPECT_EQ(script.layer_norm_decomposition.equalization, false);
  EXPECT_TRUE(script.layer_norm_decomposition.eq_consumer);
  EXPECT_THAT(script.global_avgpool_reductions.at(0).division_factors, ElementsAre(128, 1));
  EXPECT_EQ(script.matmul_equalizations.at(0).matmul_bias, true);
  EXPECT_EQ(script.matmul_corrections.at(0).correction_type, "zp_comp_block");
  EXPECT_EQ(script.bias_correction.policy, true);
  EXPECT_EQ(script.adaround.mode, AdaroundMode::kTrainAll);
  EXPECT_EQ(script.adaround.epochs, 100);
  EXPECT_EQ(script.adaround.dataset_size, 1024);
  EXPECT_THAT(script.finetune.loss_types, ElementsAre(LossType::kL2Rel, LossType::kCrossEntropy));
  EXPECT_THAT(script.finetune.loss_factors, ElementsAre(1.0, 0.125));
}

TEST(ModelScript, CommandsWithoutEffectTakeAnything) {
  const ModelScript script = read(
      "allocator_param(timeout=25m, whatever=[1, [2]])\n"
      "context_0 = context([conv1, concat_d0-1])\n"
      "context_0.place(0, [conv1])\n"
      "{} = defuse_block(matmul1, defuse_count=4)\n"
      "pre_quantization_optimization(se_optimization, method=tse)\n"
      "model_optimization_config(globals, multiproc_policy=disabled)\n");
  EXPECT_THAT(
      script.without_effect,
      ElementsAre(WithoutEffect{"allocator_param", 1}, WithoutEffect{"context", 2},
                  WithoutEffect{"place", 3}, WithoutEffect{"defuse_block", 4},
                  WithoutEffect{"pre_quantization_optimization(se_optimization)", 5},
                  WithoutEffect{"model_optimization_config(globals): multiproc_policy", 6}));
}

// What is right is read although something else is not: then a model's selectors can be checked
// too.
TEST(ModelScript, ReadsWhatIsRight) {
  const ScriptReading reading = read_model_script(
      {"f", "quantization_param(conv1, precision_mode=a16_w16)\nnonsense(1)\nplace(1, [a])\n"});
  EXPECT_THAT(reading.errors, SizeIs(1));
  EXPECT_THAT(reading.script.quantization_params, SizeIs(1));
  EXPECT_THAT(reading.script.without_effect, SizeIs(1));
}

}  // namespace
}  // namespace quant
