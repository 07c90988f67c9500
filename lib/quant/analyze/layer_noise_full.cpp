// SPDX-License-Identifier: MIT
#include "quant/analyze/layer_noise_full.h"

#include <algorithm>
#include <cmath>

#include "quant/engine/float_executor.h"
#include "quant/graph/operator.h"
#include "quant/optimize/choose_params.h"

namespace quant {
namespace {

const Node* find_node(const Graph& graph, const std::string& name) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const Node& node) { return node.name == name; });
  return found == graph.nodes.end() ? nullptr : &*found;
}

bool has_plain_weights(const Graph& graph, const Node& node) {
  const bool weighted = node.op == OpKind::kConv || node.op == OpKind::kConvTranspose ||
                        node.op == OpKind::kGemm || node.op == OpKind::kMatMul;
  if (!weighted || node.inputs.size() < 2 || node.inputs[1] == kNoValue) return false;
  const auto& weights = graph.value(node.inputs[1]).constant;
  return weights && weights->type() == DataType::kFloat32 && weights->rank() >= 2;
}

// Which axis of the float weights is the output channel's.
int output_axis(const Node& node) {
  if (node.op == OpKind::kConv) return 0;
  if (node.op == OpKind::kGemm && node.attributes.integer("transB", 0) != 0) return 0;
  return 1;
}

Tensor real_weights(const QuantizedWeights& quantized, int axis) {
  Tensor real(DataType::kFloat32, quantized.values.shape(), BufferFill::kUndefined);
  const auto from = quantized.values.data<std::int8_t>();
  const auto to = real.data<float>();
  const auto inner =
      static_cast<std::size_t>(row_major_strides(real.shape())[static_cast<std::size_t>(axis)]);
  const std::vector<float>& scale = quantized.params.scale;
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = static_cast<float>(from[i]) * scale[i / inner % scale.size()];
  return real;
}

// The integer layer's weights as real values in the layout of the float weights; nothing where they
// are not those weights. Inputs with a scale of their own a channel are inside the weights.
std::optional<Tensor> archived_weights(const Graph& integer, const Node& layer, const Node& node,
                                       const Tensor& weights) {
  if (layer.inputs.size() < 2 || layer.inputs[1] == kNoValue || node.inputs.empty())
    return std::nullopt;
  const Value& value = integer.value(layer.inputs[1]);
  const Value& input = integer.value(layer.inputs[0]);
  if (!value.constant || value.constant->type() != DataType::kInt8 || !value.quant ||
      !input.quant || value.constant->elements() != weights.elements())
    return std::nullopt;
  const bool product = layer.op == OpKind::kGemm;
  const bool by_columns = product && output_axis(node) == 1;
  const float alpha = node.op == OpKind::kGemm ? node.attributes.number("alpha", 1.0F) : 1.0F;
  const bool grouped = layer.attributes.integer("group", 1) > 1;
  const bool plain = input.quant->is_plain();
  // Which channel a grouped layer's weight reads is not worth the trouble: frames, the only inputs
  // that are not plain, rarely go into one.
  if ((!plain && grouped) || alpha == 0) return std::nullopt;

  const auto levels = value.constant->data<std::int8_t>();
  const auto strides = row_major_strides(value.constant->shape());
  const auto axis = static_cast<std::size_t>(value.quant->axis);
  const auto shape = value.constant->shape();
  const std::size_t input_axis = layer.op == OpKind::kConvTranspose ? 0 : 1;
  const auto channel = [&](std::size_t i, std::size_t along) {
    return i / static_cast<std::size_t>(strides[along]) % static_cast<std::size_t>(shape[along]);
  };
  Tensor real(DataType::kFloat32, weights.shape(), BufferFill::kUndefined);
  const auto source = weights.data<float>();
  const auto target = real.data<float>();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    double step = value.quant->scale[value.quant->scale.size() == 1 ? 0 : channel(i, axis)] / alpha;
    if (!plain) {
      const std::size_t c = input.quant->per_channel() ? channel(i, input_axis) : 0;
      step /= input.quant->scale[c];
    }
    const std::size_t position =
        by_columns ? channel(i, 1) * static_cast<std::size_t>(shape[0]) + channel(i, 0) : i;
    const double level = levels[i] * step;
    if (!(std::abs(level - source[position]) <= std::abs(step))) return std::nullopt;
    target[position] = static_cast<float>(level);
  }
  return real;
}

// Puts QuantizeLinear and DequantizeLinear behind `id`, for all its readers.
Status round_value(Graph& graph, ValueId id, const LayerNoise& layer) {
  std::vector<float> scale = {layer.params.scale[0]};
  if (layer.channel_scaled) {
    scale.clear();
    for (const double gain : layer.channel_gain)
      scale.push_back(static_cast<float>(layer.params.scale[0] / gain));
  }
  const auto count = static_cast<std::int64_t>(scale.size());
  const Shape shape = scale.size() == 1 ? Shape{} : Shape{count};
  const std::string name = graph.value(id).name;
  const ValueId scale_id =
      graph.add_constant(name + "/analyze_scale", Tensor::from<float>(shape, scale));
  const auto zero = static_cast<std::uint16_t>(layer.params.zero_point[0]);
  Tensor zero_point(layer.params.type, shape);
  if (layer.params.type == DataType::kUint16) {
    std::fill_n(zero_point.data<std::uint16_t>().begin(), scale.size(), zero);
  } else {
    std::fill_n(zero_point.data<std::uint8_t>().begin(), scale.size(),
                static_cast<std::uint8_t>(zero));
  }
  const ValueId zero_id = graph.add_constant(name + "/analyze_zero", std::move(zero_point));

  const auto axis = static_cast<std::int64_t>(layer.shape.size() == 4 ? 1 : layer.shape.size() - 1);
  ValueId last = id;
  std::vector<Node> added;
  for (const OpKind op : {OpKind::kQuantizeLinear, OpKind::kDequantizeLinear}) {
    Node node;
    node.op = op;
    node.name = name + (op == OpKind::kQuantizeLinear ? "/analyze_q" : "/analyze_dq");
    node.inputs = {last, scale_id, zero_id};
    if (scale.size() > 1) node.attributes.set("axis", axis);
    Value value;
    value.name = node.name;
    last = graph.add_value(std::move(value));
    node.outputs = {last};
    QUANT_TRY(infer_node(graph, node));
    added.push_back(std::move(node));
  }
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), id, last);
  std::replace(graph.outputs.begin(), graph.outputs.end(), id, last);
  graph.nodes.insert(graph.nodes.end(), added.begin(), added.end());
  QUANT_TRY(sort_topologically(graph));
  return verify(graph);
}

}  // namespace

Result<Graph> quantize_one_layer(const NoiseSubject& subject, const LayerNoise& layer) {
  Graph graph = *subject.float_network;
  const auto output = graph.find_value(layer.value);
  if (!output)
    return fail(ErrorCode::kInvalidData, "is no value of the float network", layer.value);
  const Node* integer = find_node(*subject.integer, layer.layer);
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const Node& node) { return node.name == layer.layer; });
  if (integer != nullptr && found != graph.nodes.end() && has_plain_weights(graph, *found)) {
    const Tensor& weights = *graph.value(found->inputs[1]).constant;
    auto real = archived_weights(*subject.integer, *integer, *found, weights);
    if (!real) {
      const int axis = output_axis(*found);
      real = real_weights(quantize_weights(weights, axis), axis);
    }
    // A constant of its own: others may read the same one.
    found->inputs[1] = graph.add_constant(layer.layer + "/analyze_weights", std::move(*real));
  }
  QUANT_TRY(round_value(graph, *output, layer));
  return graph;
}

Status add_full_analysis(const NoiseSubject& subject, std::span<const Tensor> float_pixels,
                         int threads, const FullProgress& progress, NoiseReport& report) {
  if (float_pixels.empty()) return fail(ErrorCode::kInvalidArgument, "there are no frames");
  std::vector<std::vector<Tensor>> expected(float_pixels.size());
  {
    QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(subject.float_network, threads));
    for (std::size_t frame = 0; frame < float_pixels.size(); ++frame)
      QUANT_TRY(executor.run(float_pixels.subspan(frame, 1), expected[frame]));
  }
  for (std::size_t i = 0; i < report.layers.size(); ++i) {
    LayerNoise& layer = report.layers[i];
    QUANT_TRY_ASSIGN(Graph graph, quantize_one_layer(subject, layer));
    QUANT_TRY_ASSIGN(
        FloatExecutor executor,
        FloatExecutor::create(std::make_shared<const Graph>(std::move(graph)), threads));
    layer.at_outputs.assign(report.outputs.size(), {});
    for (std::size_t frame = 0; frame < float_pixels.size(); ++frame) {
      std::vector<Tensor> outputs;
      QUANT_TRY(executor.run(float_pixels.subspan(frame, 1), outputs));
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        // Labels, and lists that came out at another length, have no figure.
        if (const auto error = measure_error(expected[frame][o], outputs[o]))
          layer.at_outputs[o].merge(*error);
      }
    }
    if (progress)
      progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(report.layers.size()));
  }
  report.full_frames = static_cast<std::int64_t>(float_pixels.size());
  return {};
}

}  // namespace quant
