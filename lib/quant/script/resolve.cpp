// SPDX-License-Identifier: MIT
#include "quant/script/resolve.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace quant {
namespace {

constexpr std::string_view kOutputLayer = "output_layer";
constexpr PrecisionMode kSixteenBits{16, 16, 16};

template <typename Value, typename Given>
void decide(Decided<Value>& decided, const std::optional<Given>& given, int line) {
  if (given) decided = {*given, line};
}

void apply(const LayerQuantization& quantization, EffectiveSettings& layer) {
  const int line = quantization.line;
  decide(layer.precision, quantization.precision, line);
  decide(layer.bias_mode, quantization.bias_mode, line);
  decide(layer.quantization_groups, quantization.quantization_groups, line);
  decide(layer.weight_group_size, quantization.weight_group_size, line);
  decide(layer.force_range_out, quantization.force_range_out, line);
  decide(layer.max_elementwise_feed_repeat, quantization.max_elementwise_feed_repeat, line);
  decide(layer.activation_fit, quantization.activation_fit, line);
  decide(layer.null_channels_cutoff_factor, quantization.null_channels_cutoff_factor, line);
  if (!quantization.force_range_in) return;
  if (quantization.force_range_index) {
    layer.force_range_in_by_index[*quantization.force_range_index] = {*quantization.force_range_in,
                                                                      line};
  } else {
    layer.force_range_in = {quantization.force_range_in, line};
    layer.force_range_in_by_index.clear();
  }
}

void apply(const ActivationClipping& clipping, EffectiveSettings& layer) {
  layer.activation_clipping = {clipping, clipping.line};
}

void apply(const WeightsClipping& clipping, EffectiveSettings& layer) {
  layer.weights_clipping = {clipping, clipping.line};
}

void apply(const NegativeExponent& exponent, EffectiveSettings& layer) {
  layer.negative_exponent_rank = {exponent.rank, exponent.line};
}

void apply(const MatmulEqualization& equalization, EffectiveSettings& layer) {
  layer.matmul_equalization = {equalization.policy, equalization.line};
}

void apply(const OutputActivation& activation, EffectiveSettings& layer) {
  layer.output_activation = {activation.activation, activation.line};
}

class Resolver {
 public:
  Resolver(const ModelScript& script, std::span<const Layer> layers)
      : script_(script), layers_(layers) {
    for (const Layer& layer : layers) resolution_.layers.push_back({layer});
  }

  Resolution run() {
    apply_globals();
    apply_each(script_.quantization_params);
    apply_each(script_.activation_clippings);
    apply_each(script_.weights_clippings);
    apply_each(script_.negative_exponents);
    apply_each(script_.matmul_equalizations);
    apply_output_activations();
    check_each(script_.normalizations, &NormalizationLayer::input);
    check_each(script_.input_conversions, &InputConversion::input);
    check_each(script_.resizes, &InputResize::input);
    check_each(script_.transposes, &InputTranspose::input);
    check_each(script_.global_avgpool_reductions, &GlobalAvgpoolReduction::layers);
    check_each(script_.matmul_corrections, &MatmulCorrection::layers);
    check(script_.equalization.layers);
    check(script_.finetune.loss_layers);
    std::stable_sort(resolution_.errors.begin(), resolution_.errors.end(),
                     [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
    return std::move(resolution_);
  }

 private:
  // Before the lines about layers: what is said of one layer overrides what is said of all outputs.
  void apply_globals() {
    if (!script_.globals.output_16bit) return;
    for (const std::size_t index : outputs())
      resolution_.layers[index].precision = {kSixteenBits, script_.globals.line};
  }

  template <typename Settings>
  void apply_each(const std::vector<Settings>& list) {
    for (const Settings& settings : list) {
      for (const std::size_t index : chosen(settings)) apply(settings, resolution_.layers[index]);
    }
  }

  void apply_output_activations() {
    for (const OutputActivation& activation : script_.output_activations) {
      for (const std::size_t index : activation.layers.empty() ? outputs() : chosen(activation))
        apply(activation, resolution_.layers[index]);
    }
  }

  std::vector<std::size_t> outputs() const {
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (layers_[i].type == kOutputLayer) indices.push_back(i);
    }
    return indices;
  }

  template <typename Settings>
  std::vector<std::size_t> chosen(const Settings& settings) {
    return select_layers(settings.layers, layers_, resolution_.errors);
  }

  template <typename Settings>
  void check_each(const std::vector<Settings>& list, Selector Settings::*member) {
    for (const Settings& settings : list) check(settings.*member);
  }

  void check(const Selector& selector) { select_layers(selector, layers_, resolution_.errors); }

  const ModelScript& script_;
  std::span<const Layer> layers_;
  Resolution resolution_;
};

}  // namespace

Resolution resolve_as_far_as_possible(const ModelScript& script, std::span<const Layer> layers) {
  return Resolver(script, layers).run();
}

Result<std::vector<EffectiveSettings>> resolve(const ModelScript& script,
                                               std::span<const Layer> layers) {
  Resolution resolution = resolve_as_far_as_possible(script, layers);
  if (!resolution.errors.empty())
    return fail(ErrorCode::kNotFound, render(script.source, resolution.errors));
  return std::move(resolution.layers);
}

}  // namespace quant
