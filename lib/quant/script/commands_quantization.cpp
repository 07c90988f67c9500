// SPDX-License-Identifier: MIT
// Commands about bits, ranges, levels and calibration.
#include "quant/script/command_table.h"

namespace quant {
namespace {

constexpr ValueLimits kCount{.least = 1, .most = 1'000'000};
constexpr ValueLimits kBatch{.least = 1, .most = 1024};
constexpr ValueLimits kShare{.least = 0, .most = 1};

std::optional<std::string> check_quantization(const LayerQuantization& quantization) {
  LayerQuantization nothing;
  nothing.layers = quantization.layers;
  if (quantization == nothing) return "quantization_param sets nothing: name a parameter";
  if (quantization.force_range_index && !quantization.force_range_in)
    return "force_range_index needs force_range_in";
  return std::nullopt;
}

Command quantization_param() {
  using Target = LayerQuantization;
  return carried_out<Target>(
      "quantization_param", "", "Settings of single layers; a later line overrides an earlier one.",
      {field("layers", &Target::layers, "the layers").positional().required(),
       field("precision_mode", &Target::precision,
             "bits of input, weights and output, as a16_w16 or a16_w8_a16"),
       field("bias_mode", &Target::bias_mode, "how the bias is written in integers"),
       field("quantization_groups", &Target::quantization_groups,
             "groups of output channels with a weight scale each", {.least = 1, .most = 4}),
       field("weight_group_size", &Target::weight_group_size,
             "of 4-bit weights: input channels that share a scale within an output channel",
             {.least = 1, .most = 65536}),
       field("force_range_in", &Target::force_range_in, "range of the layer's inputs"),
       field("force_range_index", &Target::force_range_index,
             "the input that force_range_in is for; none: every one", {.least = 0, .most = 1024}),
       field("force_range_out", &Target::force_range_out, "range of the layer's output"),
       field("max_elementwise_feed_repeat", &Target::max_elementwise_feed_repeat,
             "how often an element-wise layer may repeat an input", {.least = 1, .most = 1024}),
       field("activation_fit", &Target::activation_fit, "fits the activation to its range"),
       field("null_channels_cutoff_factor", &Target::null_channels_cutoff_factor,
             "below this share of the range a channel counts as zero", {.least = 0})},
      &ModelScript::quantization_params, check_quantization);
}

}  // namespace

std::vector<Command> quantization_commands() {
  return {
      quantization_param(),
      carried_out<OptimizationFlavor>(
          "model_optimization_flavor", "", "How much effort and how much compression.",
          {field("optimization_level", &OptimizationFlavor::optimization_level,
                 "0 equalization, 1 bias correction, 2 finetune, 3 and 4 rounding; below 0 nothing",
                 {.least = -100, .most = 4}),
           field("compression_level", &OptimizationFlavor::compression_level,
                 "share of the weights in 4 bits: 0, 20, 40, 60, 80, 100 %",
                 {.least = 0, .most = 5}),
           field("batch_size", &OptimizationFlavor::batch_size, "images at a time", kBatch)},
          &ModelScript::flavor),
      carried_out<CalibrationSettings>(
          "model_optimization_config", "calibration", "The images that ranges are measured on.",
          {field("batch_size", &CalibrationSettings::batch_size, "images at a time", kBatch),
           field("calibset_size", &CalibrationSettings::calibset_size, "images", kCount)},
          &ModelScript::calibration),
      carried_out<GlobalSettings>(
          "model_optimization_config", "globals", "Settings of the whole network.",
          {field("output_encoding_vector", &GlobalSettings::output_encoding_vector,
                 "outputs have one scale a channel, where layers with weights make them"),
           field("output_16bit", &GlobalSettings::output_16bit, "outputs have 16 bits"),
           field("multiproc_policy", &GlobalSettings::multiproc_policy,
                 "processes of the optimizer: no effect here")
               .without_effect()},
          &ModelScript::globals),
      carried_out<CheckerSettings>(
          "model_optimization_config", "checker_cfg", "The noise analysis that follows.",
          {field("policy", &CheckerSettings::policy, "whether it runs"),
           field("analyze_mode", &CheckerSettings::analyze_mode,
                 "every layer's noise at its own output, or each layer's at the network's outputs"),
           field("batch_norm_checker", &CheckerSettings::batch_norm_checker,
                 "says where batch normalization is missing"),
           field("dataset_size", &CheckerSettings::dataset_size, "images", kCount),
           field("batch_size", &CheckerSettings::batch_size, "images at a time", kBatch)},
          &ModelScript::checker),
      carried_out<NegativeExponent>(
          "model_optimization_config", "negative_exponent",
          "Bits that a layer may give away where its ranges are not balanced.",
          {field("layers", &NegativeExponent::layers, "the layers").required(),
           field("rank", &NegativeExponent::rank, "bits", {.least = 0, .most = 31}).required()},
          &ModelScript::negative_exponents),
      carried_out<CompressionSettings>(
          "model_optimization_config", "compression_params",
          "Shares of the weights with other than 8 bits.",
          {field("auto_4bit_weights_ratio", &CompressionSettings::auto_4bit_weights_ratio,
                 "share in 4 bits; none: as compression_level says", kShare),
           field("auto_16bit_weights_ratio", &CompressionSettings::auto_16bit_weights_ratio,
                 "share in 16 bits; none: 0", kShare)},
          &ModelScript::compression),
  };
}

}  // namespace quant
