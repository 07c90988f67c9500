// SPDX-License-Identifier: MIT
#include "quant/optimize/script_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "quant/onnx/edit_model.h"
#include "quant/onnx/layer_names.h"
#include "quant/optimize/equalize_products.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/plan_precision.h"
#include "quant/passes/rewire.h"
#include "quant/script/resolve.h"

namespace quant {
namespace {

// The limit that keeps `percent` of the weights' magnitudes.
double weight_percentile(const Tensor& weights, double percent) {
  std::vector<float> magnitudes;
  for (const float weight : weights.data<float>()) magnitudes.push_back(std::abs(weight));
  if (magnitudes.empty()) return 0;
  const double position = percent / 100 * static_cast<double>(magnitudes.size() - 1);
  const auto at = magnitudes.begin() + static_cast<std::ptrdiff_t>(std::floor(position));
  std::nth_element(magnitudes.begin(), at, magnitudes.end());
  return *at;
}

Range range_of(const ValueRange& range) {
  return {static_cast<float>(range.low), static_cast<float>(range.high)};
}

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<EffectiveSettings>& settings)
      : graph_(graph), topology_(graph), settings_(settings) {}

  Result<ScriptPlan> run() {
    std::vector<std::optional<PrecisionMode>> asked(graph_.nodes.size());
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      const auto& precision = of_node(node).precision;
      if (precision.line > 0) asked[node] = precision.value;
    }
    modes_ = plan_precision(graph_, asked);
    QUANT_TRY(widen_outputs());
    result_.plan.layers.resize(graph_.nodes.size());
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) plan_layer(node);
    QUANT_TRY(plan_products());
    if (problems_.empty()) return std::move(result_);
    return fail(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(problems_, "\n")));
  }

 private:
  // Settings are those of inputs, nodes and outputs, in this order.
  const EffectiveSettings& of_node(std::size_t node) const {
    return settings_[graph_.inputs.size() + node];
  }

  // Output layers of 16 bits: what they read is put out with 16 bits, back to where it is computed.
  Status widen_outputs() {
    QUANT_TRY_ASSIGN(const std::vector<bool> host, partition(graph_));
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const auto& precision = settings_[graph_.inputs.size() + graph_.nodes.size() + i].precision;
      if (precision.line > 0 && precision.value.output_bits == 16) widen(graph_.outputs[i], host);
    }
    return {};
  }

  void widen(ValueId id, const std::vector<bool>& host) {
    const auto producer = topology_.producer(id);
    if (!producer) return;
    PrecisionMode& mode = modes_[*producer];
    const Node& node = graph_.nodes[*producer];
    const bool passes = host[*producer] || passes_precision(graph_, node);
    if (!passes) {
      mode.output_bits = 16;
      return;
    }
    mode.input_bits = mode.output_bits = 16;
    for (const ValueId input : activation_inputs(graph_, node)) widen(input, host);
  }

  void plan_layer(std::size_t index) {
    const EffectiveSettings& settings = of_node(index);
    const Node& node = graph_.nodes[index];
    LayerPlan& layer = result_.plan.layers[index];
    layer.precision = modes_[index];
    if (const auto weighted = channel_layer(graph_, node)) plan_weights(settings, *weighted, layer);
    if (settings.quantization_groups.line > 0)
      layer.scaling.groups = settings.quantization_groups.value;
    force(settings, node);
    clip(settings, node);
    if (settings.bias_mode.line > 0)
      note(settings.bias_mode.line, "bias_mode has no effect here: biases have 32 bits or more");
    if (settings.max_elementwise_feed_repeat.line > 0)
      note(settings.max_elementwise_feed_repeat.line,
           "max_elementwise_feed_repeat has no effect here: multipliers are real numbers");
    if (settings.activation_fit.line > 0)
      note(settings.activation_fit.line,
           "activation_fit has no effect here: activations are tables over their whole range");
    if (settings.null_channels_cutoff_factor.line > 0)
      note(settings.null_channels_cutoff_factor.line,
           "null_channels_cutoff_factor has no effect here: a channel of zeros costs no range");
    if (settings.negative_exponent_rank.line > 0)
      note(settings.negative_exponent_rank.line,
           "negative_exponent has no effect here: scales are not limited to shifts");
  }

  void plan_weights(const EffectiveSettings& settings, const FloatLayer& weighted,
                    LayerPlan& layer) {
    using Clip = WeightScaling::Clip;
    if (settings.weight_group_size.value)
      layer.scaling.group_size = *settings.weight_group_size.value;
    if (settings.weight_group_size.line > 0 && layer.precision.weight_bits != 4)
      note(settings.weight_group_size.line,
           "weight_group_size has no effect on weights of 8 and 16 bits: groups' scales are whole "
           "multiples of the channel's, which leaves room for 4 bits");
    const auto& decided = settings.weights_clipping.value;
    const WeightsClipping clipping = decided.value_or(WeightsClipping{});
    switch (clipping.mode) {
      case WeightsClippingMode::kDisabled:
        break;
      case WeightsClippingMode::kMmse:
        layer.scaling.clip = Clip::kMse;
        break;
      case WeightsClippingMode::kMmseIf4Bit:
        if (layer.precision.weight_bits == 4) layer.scaling.clip = Clip::kMse;
        break;
      case WeightsClippingMode::kManual:
        layer.scaling.limit =
            std::max(std::abs(clipping.values->low), std::abs(clipping.values->high));
        layer.scaling.clip = Clip::kManual;
        break;
      case WeightsClippingMode::kPercentile:
        layer.scaling.limit = weight_percentile(weighted.weights, clipping.values->high);
        layer.scaling.clip = layer.scaling.limit > 0 ? Clip::kManual : Clip::kNone;
        break;
    }
  }

  // The layer's output, and what a fused activation makes of it.
  std::vector<ValueId> outputs_of(const Node& node) const {
    std::vector<ValueId> result;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      result.push_back(id);
      const auto reader = topology_.only_reader(id);
      if (!reader) continue;
      const Node& next = graph_.nodes[*reader];
      if (next.op == OpKind::kRelu || next.op == OpKind::kClip) result.push_back(next.outputs[0]);
    }
    return result;
  }

  void force(const EffectiveSettings& settings, const Node& node) {
    if (settings.force_range_out.value) {
      for (const ValueId id : outputs_of(node))
        result_.forced[id] = range_of(*settings.force_range_out.value);
    }
    const std::vector<ValueId> inputs = activation_inputs(graph_, node);
    if (settings.force_range_in.value) {
      for (const ValueId id : inputs) result_.forced[id] = range_of(*settings.force_range_in.value);
    }
    for (const auto& [index, range] : settings.force_range_in_by_index) {
      if (static_cast<std::size_t>(index) >= inputs.size()) {
        problem(range.line, fmt::format("{} has {} inputs; force_range_index={} is none of them",
                                        node.name, inputs.size(), index));
        continue;
      }
      result_.forced[inputs[static_cast<std::size_t>(index)]] = range_of(range.value);
    }
  }

  void clip(const EffectiveSettings& settings, const Node& node) {
    if (!settings.activation_clipping.value) return;
    const ActivationClipping& clipping = *settings.activation_clipping.value;
    for (const ValueId id : outputs_of(node)) {
      switch (clipping.mode) {
        case ActivationClippingMode::kDisabled:
          break;
        case ActivationClippingMode::kManual:
          result_.forced[id] = range_of(*clipping.values);
          break;
        case ActivationClippingMode::kPercentile:
        case ActivationClippingMode::kPercentileForce:
          result_.percentiles[id] = {clipping.values->low, clipping.values->high};
          break;
      }
    }
  }

  // A note a line of the layers that it wants equalized and that cannot be.
  Status plan_products() {
    std::vector<std::size_t> asked;
    for (std::size_t node = 0; node < graph_.nodes.size(); ++node) {
      if (of_node(node).matmul_equalization.value) asked.push_back(node);
    }
    std::vector<ValueId> untouched;
    for (const auto& [id, range] : result_.forced) untouched.push_back(id);
    QUANT_TRY_ASSIGN(result_.equalized_products, equalizable_products(graph_, asked, untouched));
    const auto& found = result_.equalized_products;
    std::map<int, std::vector<std::string>> refused;
    for (const std::size_t node : asked) {
      if (std::find(found.begin(), found.end(), node) == found.end())
        refused[of_node(node).matmul_equalization.line].push_back(graph_.nodes[node].name);
    }
    for (const auto& [line, names] : refused)
      note(line,
           fmt::format("matmul_equalization has no effect on {}: no scale of channels reaches "
                       "weights on both sides",
                       fmt::join(names, ", ")));
    return {};
  }

  void note(int line, const std::string& text) {
    std::string entry = fmt::format("line {}: {}", line, text);
    auto& notes = result_.notes;
    if (std::find(notes.begin(), notes.end(), entry) == notes.end())
      notes.push_back(std::move(entry));
  }
  void problem(int line, const std::string& text) {
    problems_.push_back(fmt::format("line {}: {}", line, text));
  }

  const Graph& graph_;
  Topology topology_;
  const std::vector<EffectiveSettings>& settings_;
  std::vector<PrecisionMode> modes_;
  std::vector<std::string> problems_;
  ScriptPlan result_;
};

// What of the script the integer arithmetic makes needless, or this optimizer leaves to others.
void note_network_settings(const ModelScript& script, std::vector<std::string>& notes) {
  const auto note = [&](int line, const char* text) {
    if (line > 0) notes.push_back(fmt::format("line {}: {}", line, text));
  };
  for (const InputResize& resize : script.resizes)
    note(resize.line, "resize has no effect here: frames of any size are brought to the network's");
  for (const MatmulCorrection& correction : script.matmul_corrections)
    note(correction.line,
         "matmul_correction has no effect here: zero points are subtracted exactly");
  for (const MatmulEqualization& equalization : script.matmul_equalizations) {
    if (equalization.matmul_bias.value_or(false))
      note(equalization.line, "matmul_bias has no effect here: zero points are subtracted exactly");
  }
  for (const GlobalAvgpoolReduction& reduction : script.global_avgpool_reductions)
    note(reduction.line, "global_avgpool_reduction has no effect here: sums are exact at any size");
  note(script.layer_norm_decomposition.line,
       "layer_norm_decomposition has no effect here: layer normalization is one exact layer");
  note(script.ew_add_fusing.line,
       "ew_add_fusing has no effect here: additions keep the precision of both inputs");
  if (script.adaround.policy.value_or(false))
    note(script.adaround.line,
         "adaround rounds by the layers' inputs, in one pass: its epochs, rates and losses have no "
         "effect here");
  for (const WithoutEffect& entry : script.without_effect)
    notes.push_back(fmt::format("line {}: {} has no effect here", entry.line, entry.what));
}

}  // namespace

Result<ScriptPlan> plan_script(const ModelScript& script, const Graph& graph,
                               const std::string& scope) {
  const std::vector<Layer> layers =
      layers_of(graph, input_layer_names(graph), output_layer_names(graph), scope);
  QUANT_TRY_ASSIGN(const std::vector<EffectiveSettings> settings, resolve(script, layers));
  auto plan = Planner(graph, settings).run();
  if (!plan) return fail_with_context(std::move(plan).error(), script.source.file);
  if (script.globals.output_encoding_vector) plan->encodes_outputs = script.globals.line;
  note_network_settings(script, plan->notes);
  return plan;
}

Status apply_input_settings(const ModelScript& script, InputSpec& input) {
  if (script.normalizations.size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("lines {} and {} both normalize the input",
                            script.normalizations[0].line, script.normalizations[1].line),
                script.source.file);
  }
  if (!input.is_image() && !script.normalizations.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("line {} normalizes an image, and the model takes features",
                            script.normalizations[0].line),
                script.source.file);
  }
  for (const NormalizationLayer& layer : script.normalizations) {
    const auto channels = static_cast<std::size_t>(input.channels());
    const auto spread = [channels](const std::vector<double>& values) {
      std::vector<float> result(values.begin(), values.end());
      if (result.size() == 1) result.resize(channels, result[0]);
      return result;
    };
    input.mean = spread(layer.mean);
    input.std = spread(layer.std);
    if (auto status = verify(input); !status) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}: {}", layer.line, status.error().message),
                  script.source.file);
    }
  }
  for (const InputConversion& conversion : script.input_conversions) {
    if (input.color == ColorOrder::kGray) continue;
    switch (conversion.conversion) {
      case InputConversionKind::kBgrToRgb:
      case InputConversionKind::kYuvToRgb:
      case InputConversionKind::kNv12ToRgb:
      case InputConversionKind::kRgbxToRgb:
        input.color = ColorOrder::kRgb;
        break;
      case InputConversionKind::kRgbToBgr:
        input.color = ColorOrder::kBgr;
        break;
      // Between layouts of YUV: what the network sees is another line's to say.
      case InputConversionKind::kNv12ToYuv:
      case InputConversionKind::kYuy2ToYuv:
        break;
    }
  }
  return {};
}

namespace {

const char* onnx_operator(OutputActivationKind kind) {
  switch (kind) {
    case OutputActivationKind::kLinear:
      return "Identity";
    case OutputActivationKind::kRelu:
      return "Relu";
    case OutputActivationKind::kSigmoid:
      return "Sigmoid";
    case OutputActivationKind::kTanh:
      return "Tanh";
  }
  return "Identity";
}

// The outputs that a layer makes, by itself or through layers that only move elements.
std::vector<ValueId> outputs_behind(const Graph& graph, const Topology& topology, ValueId value) {
  std::vector<ValueId> result;
  if (topology.is_output(value)) result.push_back(value);
  for (const std::size_t reader : topology.readers(value)) {
    const Node& node = graph.nodes[reader];
    if (integer_form(graph, node) != IntegerForm::kMovement) continue;
    for (const ValueId id : node.outputs) {
      const auto behind = outputs_behind(graph, topology, id);
      result.insert(result.end(), behind.begin(), behind.end());
    }
  }
  return result;
}

}  // namespace

Result<std::vector<std::byte>> edit_model(const ModelScript& script, const Graph& graph,
                                          const std::string& scope, std::vector<std::byte> onnx) {
  if (!script.transposes.empty()) {
    QUANT_TRY_ASSIGN(onnx, transpose_input(std::move(onnx), graph.value(graph.inputs[0]).name));
  }
  if (script.output_activations.empty()) return onnx;
  const std::vector<Layer> layers =
      layers_of(graph, input_layer_names(graph), output_layer_names(graph), scope);
  QUANT_TRY_ASSIGN(const std::vector<EffectiveSettings> settings, resolve(script, layers));
  const Topology topology(graph);
  std::map<std::string, std::string> wanted;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto& activation = settings[i].output_activation;
    if (!activation.value) continue;
    std::vector<ValueId> outputs;
    const std::size_t nodes_end = graph.inputs.size() + graph.nodes.size();
    if (i >= nodes_end) {
      outputs = {graph.outputs[i - nodes_end]};
    } else if (i >= graph.inputs.size()) {
      for (const ValueId id : graph.nodes[i - graph.inputs.size()].outputs) {
        const auto behind = outputs_behind(graph, topology, id);
        outputs.insert(outputs.end(), behind.begin(), behind.end());
      }
    }
    if (outputs.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}: {} makes no output of the network; only outputs can have "
                              "another activation",
                              activation.line, settings[i].layer.name),
                  script.source.file);
    }
    for (const ValueId id : outputs)
      wanted[graph.value(id).name] = onnx_operator(*activation.value);
  }
  return change_output_activations(std::move(onnx), wanted);
}

}  // namespace quant
