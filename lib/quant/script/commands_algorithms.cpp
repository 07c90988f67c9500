// SPDX-License-Identifier: MIT
// Commands about the optimizer's algorithms: before ranges are fixed (pre) and after (post).
#include <fmt/format.h>

#include <algorithm>

#include "quant/script/command_table.h"

namespace quant {
namespace {

constexpr ValueLimits kCount{.least = 1, .most = 1'000'000};
constexpr ValueLimits kEpochs{.least = 1, .most = 100'000};
constexpr ValueLimits kBatch{.least = 1, .most = 1024};
constexpr ValueLimits kShare{.least = 0, .most = 1};
constexpr const char* kPre = "pre_quantization_optimization";
constexpr const char* kPost = "post_quantization_optimization";

// Modes that take values need them, and percentages end at 100.
template <typename Clipping>
std::optional<std::string> check_clipping(const Clipping& clipping, bool needs_values,
                                          bool is_percentage) {
  if (needs_values && !clipping.values)
    return fmt::format("mode={} needs clipping_values=[low, high]", name_of(clipping.mode));
  if (is_percentage && clipping.values && (clipping.values->low < 0 || clipping.values->high > 100))
    return fmt::format("clipping_values are percentages from 0 to 100 for mode={}",
                       name_of(clipping.mode));
  return std::nullopt;
}

std::optional<std::string> check_activation_clipping(const ActivationClipping& clipping) {
  const bool is_percentage = clipping.mode == ActivationClippingMode::kPercentile ||
                             clipping.mode == ActivationClippingMode::kPercentileForce;
  const bool is_manual = clipping.mode == ActivationClippingMode::kManual;
  return check_clipping(clipping, is_manual || is_percentage, is_percentage);
}

std::optional<std::string> check_weights_clipping(const WeightsClipping& clipping) {
  const bool is_percentage = clipping.mode == WeightsClippingMode::kPercentile;
  const bool is_manual = clipping.mode == WeightsClippingMode::kManual;
  return check_clipping(clipping, is_manual || is_percentage, is_percentage);
}

// A pattern may stand for any number of layers: then only the resolution knows how many there are.
std::optional<std::string> check_finetune(const Finetune& finetune) {
  const auto& items = finetune.loss_layers.items;
  const bool is_counted = std::all_of(items.begin(), items.end(), [](const SelectorItem& item) {
    return item.kind != SelectorItem::Kind::kGlob;
  });
  if (items.empty() || !is_counted) return std::nullopt;
  const auto check = [&](const char* name, std::size_t count) -> std::optional<std::string> {
    if (count == 0 || count == items.size()) return std::nullopt;
    return fmt::format("{} has {} values for {} loss_layer_names", name, count, items.size());
  };
  if (auto message = check("loss_types", finetune.loss_types.size())) return message;
  return check("loss_factors", finetune.loss_factors.size());
}

std::vector<Command> pre_quantization() {
  return {
      carried_out<Equalization>(
          kPre, "equalization", "Balances the channels of neighbouring layers.",
          {field("policy", &Equalization::policy, "whether; none: the level says"),
           field("layers", &Equalization::layers, "the layers; none: all"),
           field("equalization_target", &Equalization::target, "what is balanced, as activation")},
          &ModelScript::equalization),
      carried_out<ActivationClipping>(
          kPre, "activation_clipping", "Cuts rare activations off.",
          {field("layers", &ActivationClipping::layers, "the layers").required(),
           field("mode", &ActivationClipping::mode, "how the limits are found"),
           field("clipping_values", &ActivationClipping::values, "limits: real, or percentages"),
           field("recollect_stats", &ActivationClipping::recollect_stats,
                 "measures the following layers again")},
          &ModelScript::activation_clippings, check_activation_clipping),
      carried_out<WeightsClipping>(
          kPre, "weights_clipping", "Cuts rare weights off.",
          {field("layers", &WeightsClipping::layers, "the layers").required(),
           field("mode", &WeightsClipping::mode, "how the limits are found"),
           field("clipping_values", &WeightsClipping::values, "limits: real, or percentages")},
          &ModelScript::weights_clippings, check_weights_clipping),
      carried_out<EwAddFusing>(
          kPre, "ew_add_fusing", "Makes element-wise additions part of a convolution.",
          {field("policy", &EwAddFusing::policy, "whether; none: the level says"),
           field("infusible_ew_add_type", &EwAddFusing::infusible_ew_add_type,
                 "what an addition becomes that cannot be fused, as conv")},
          &ModelScript::ew_add_fusing),
      carried_out<LayerNormDecomposition>(
          kPre, "layer_norm_decomposition", "Makes layer normalization of simpler layers.",
          {field("mode", &LayerNormDecomposition::mode, "where it runs, as nn_core"),
           field("equalization", &LayerNormDecomposition::equalization, "balances its channels"),
           field("eq_consumer", &LayerNormDecomposition::eq_consumer,
                 "balances the layer that follows too"),
           field("bit_decomposition_mode", &LayerNormDecomposition::bit_decomposition_mode,
                 "bits of its parts, as uniform_precision or split_precision")},
          &ModelScript::layer_norm_decomposition),
      carried_out<GlobalAvgpoolReduction>(
          kPre, "global_avgpool_reduction", "Makes a large average pooling of two steps.",
          {field("layers", &GlobalAvgpoolReduction::layers, "the layers").required(),
           field("division_factors", &GlobalAvgpoolReduction::division_factors,
                 "the first step's height and width", {.least = 1, .most = 65536, .count = 2})
               .required()},
          &ModelScript::global_avgpool_reductions),
      carried_out<MatmulEqualization>(
          kPre, "matmul_equalization",
          "Balances the channels of the two inputs of a matrix product, where layers with weights "
          "make both.",
          {field("layers", &MatmulEqualization::layers, "the layers").required(),
           field("policy", &MatmulEqualization::policy, "whether"),
           field("matmul_bias", &MatmulEqualization::matmul_bias,
                 "corrects the mean too: no effect here, zero points are subtracted exactly")},
          &ModelScript::matmul_equalizations),
      carried_out<MatmulCorrection>(
          kPre, "matmul_correction", "Corrects what zero points do to a matrix product.",
          {field("layers", &MatmulCorrection::layers, "the layers").required(),
           field("correction_type", &MatmulCorrection::correction_type, "how, as zp_comp_block")
               .required()},
          &ModelScript::matmul_corrections),
  };
}

Command finetune() {
  return carried_out<Finetune>(
      kPost, "finetune", "Trains weights, biases and scales against the float network.",
      {field("policy", &Finetune::policy, "whether; none: the level says"),
       field("learning_rate", &Finetune::learning_rate, "of the weights", kShare),
       field("epochs", &Finetune::epochs, "passes over the images", kEpochs),
       field("batch_size", &Finetune::batch_size, "images at a time", kBatch),
       field("dataset_size", &Finetune::dataset_size, "images", kCount),
       field("warmup_epochs", &Finetune::warmup_epochs, "passes until the full learning rate",
             {.least = 0, .most = 100'000}),
       field("loss_layer_names", &Finetune::loss_layers,
             "where the loss is measured; none: the outputs"),
       field("loss_types", &Finetune::loss_types, "one for each of loss_layer_names"),
       field("loss_factors", &Finetune::loss_factors, "one for each of loss_layer_names",
             {.least = 0}),
       field("def_loss_type", &Finetune::def_loss_type, "where loss_types says nothing"),
       field("meta_arch", &Finetune::meta_arch, "family of networks, as yolo"),
       field("train_scales", &Finetune::train_scales, "trains the scales too")},
      &ModelScript::finetune, check_finetune);
}

Command adaround() {
  return carried_out<Adaround>(
      kPost, "adaround", "Learns for every weight whether it is rounded up or down.",
      {field("policy", &Adaround::policy, "whether; none: the level says"),
       field("mode", &Adaround::mode, "layers with 4-bit weights, or all"),
       field("learning_rate", &Adaround::learning_rate, "of the roundings", kShare),
       field("epochs", &Adaround::epochs, "passes over the images", kEpochs),
       field("batch_size", &Adaround::batch_size, "images at a time", kBatch),
       field("dataset_size", &Adaround::dataset_size, "images", kCount),
       field("warmup", &Adaround::warmup, "share of the passes without rounding loss", kShare),
       field("weight", &Adaround::weight, "of the rounding loss", {.least = 0}),
       field("b_range", &Adaround::b_range, "first and last exponent of the rounding loss",
             {.least = 0, .most = 1000, .count = 2}),
       field("train_bias", &Adaround::train_bias, "trains the bias too")},
      &ModelScript::adaround);
}

// Public scripts have it under both commands.
Command mix_precision_search(const char* command) {
  return carried_out<MixPrecisionSearch>(
      command, "mix_precision_search", "Searches the layers that are worth more bits.",
      {field("policy", &MixPrecisionSearch::policy, "whether; none: where a ratio asks for it"),
       field("snr_cap", &MixPrecisionSearch::snr_cap_db, "dB above which noise counts no more",
             {.least = 0, .most = 1000}),
       field("dataset_size", &MixPrecisionSearch::dataset_size, "images", kCount),
       field("batch_size", &MixPrecisionSearch::batch_size, "images at a time", kBatch),
       field("optimizer", &MixPrecisionSearch::optimizer, "how it searches"),
       field("comprecision_metric", &MixPrecisionSearch::compression_metric,
             "what bits cost, as bops")},
      &ModelScript::mix_precision_search);
}

}  // namespace

std::vector<Command> algorithm_commands() {
  std::vector<Command> commands = pre_quantization();
  commands.push_back(carried_out<BiasCorrection>(
      kPost, "bias_correction", "Moves each layer's mean error into its bias.",
      {field("policy", &BiasCorrection::policy, "whether; none: the level says")},
      &ModelScript::bias_correction));
  commands.push_back(adaround());
  commands.push_back(finetune());
  commands.push_back(mix_precision_search(kPost));
  commands.push_back(mix_precision_search("model_optimization_config"));
  return commands;
}

}  // namespace quant
