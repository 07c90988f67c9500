// SPDX-License-Identifier: MIT
#include "quant/passes/fold_channel_affine.h"

#include <cmath>
#include <optional>
#include <vector>

#include "quant/passes/rewire.h"

namespace quant {
namespace {

// y = scale·x + shift per channel; one entry means the same for all channels.
struct ChannelAffine {
  std::vector<double> scale;
  std::vector<double> shift;
};

bool folds_into(const Graph& graph, const Node& node) {
  if (node.op != OpKind::kConv && node.op != OpKind::kConvTranspose && node.op != OpKind::kGemm &&
      node.op != OpKind::kMatMul)
    return false;
  if (!graph.value(node.inputs[1]).constant) return false;
  if (node.op == OpKind::kMatMul && graph.value(node.inputs[1]).shape.size() != 2) return false;
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue && !graph.value(node.inputs[2]).constant)
    return false;
  // alpha and beta would have to be folded too; no exporter of camera networks writes others
  // than 1.
  return node.op != OpKind::kGemm || (node.attributes.number("alpha", 1.F) == 1.F &&
                                      node.attributes.number("beta", 1.F) == 1.F);
}

std::int64_t output_channels(const Graph& graph, const Node& node) {
  const Shape& weights = graph.value(node.inputs[1]).shape;
  if (node.op == OpKind::kConvTranspose) return weights[1] * node.attributes.integer("group", 1);
  if (node.op == OpKind::kGemm)
    return node.attributes.integer("transB", 0) != 0 ? weights[0] : weights[1];
  return node.op == OpKind::kMatMul ? weights[1] : weights[0];
}

// The axis of the layer's output along which its channels lie.
std::size_t channel_axis(const Graph& graph, const Node& node) {
  return node.op == OpKind::kMatMul ? graph.value(node.outputs[0]).shape.size() - 1 : 1;
}

// Which output channel an element of the weights belongs to.
std::int64_t channel_of_weight(const Graph& graph, const Node& node, std::int64_t index) {
  const Shape& shape = graph.value(node.inputs[1]).shape;
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  if (node.op == OpKind::kConv) return index / strides[0];
  if (node.op == OpKind::kMatMul) return index % shape[1];
  if (node.op == OpKind::kGemm) {
    return node.attributes.integer("transB", 0) != 0 ? index / strides[0] : index % shape[1];
  }
  const std::int64_t groups = node.attributes.integer("group", 1);
  const std::int64_t group = index / strides[0] / (shape[0] / groups);
  return group * shape[1] + index / strides[1] % shape[1];
}

// A constant that has one value, or varies along the channel axis alone.
std::optional<std::vector<double>> per_channel(const Tensor& constant, std::size_t rank,
                                               std::size_t axis, std::int64_t channels) {
  if (constant.type() != DataType::kFloat32) return std::nullopt;
  const auto data = constant.data<float>();
  if (constant.elements() == 1) return std::vector<double>{data[0]};
  if (constant.elements() != channels || constant.rank() > rank) return std::nullopt;
  const std::size_t offset = rank - constant.rank();
  if (axis < offset || constant.shape()[axis - offset] != channels) return std::nullopt;
  return std::vector<double>(data.begin(), data.end());
}

std::optional<ChannelAffine> batch_norm_affine(const Graph& graph, const Node& node) {
  std::vector<std::span<const float>> inputs;
  for (std::size_t i = 1; i < 5; ++i) {
    const auto& constant = graph.value(node.inputs[i]).constant;
    if (!constant || constant->type() != DataType::kFloat32) return std::nullopt;
    inputs.push_back(constant->data<float>());
  }
  const double epsilon = node.attributes.number("epsilon", 1e-5F);
  ChannelAffine affine;
  for (std::size_t c = 0; c < inputs[0].size(); ++c) {
    const double scale = inputs[0][c] / std::sqrt(static_cast<double>(inputs[3][c]) + epsilon);
    affine.scale.push_back(scale);
    affine.shift.push_back(inputs[1][c] - inputs[2][c] * scale);
  }
  return affine;
}

// What `node` does to the output of `layer`, if that is affine per channel.
std::optional<ChannelAffine> affine_of(const Graph& graph, const Node& node, const Node& layer) {
  const ValueId source = layer.outputs[0];
  const std::size_t axis = channel_axis(graph, layer);
  if (node.op == OpKind::kBatchNormalization && node.inputs[0] == source && axis == 1)
    return batch_norm_affine(graph, node);
  const bool additive = node.op == OpKind::kAdd || node.op == OpKind::kSub;
  const bool multiplicative = node.op == OpKind::kMul || node.op == OpKind::kDiv;
  if (!additive && !multiplicative) return std::nullopt;
  const bool source_first = node.inputs[0] == source;
  if (!source_first && (node.op == OpKind::kSub || node.op == OpKind::kDiv)) return std::nullopt;
  const ValueId other = source_first ? node.inputs[1] : node.inputs[0];
  if (other == source || !graph.value(other).constant) return std::nullopt;
  // A constant that widens the result is no per-channel affine.
  if (graph.value(node.outputs[0]).shape != graph.value(source).shape) return std::nullopt;
  auto values = per_channel(*graph.value(other).constant, graph.value(source).shape.size(), axis,
                            output_channels(graph, layer));
  if (!values) return std::nullopt;
  if (node.op == OpKind::kSub) {
    for (double& value : *values) value = -value;
  }
  if (node.op == OpKind::kDiv) {
    for (double& value : *values) value = 1.0 / value;
  }
  if (additive) return ChannelAffine{{1.0}, std::move(*values)};
  return ChannelAffine{std::move(*values), {0.0}};
}

double at(const std::vector<double>& values, std::int64_t channel) {
  return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(channel)];
}

// Parameters of stored weights after their output channels were multiplied; nothing where their
// scales are not by output channel.
std::optional<QuantParams> rescaled(const Graph& graph, const Node& layer,
                                    const std::vector<double>& factors) {
  std::optional<QuantParams> params = graph.value(layer.inputs[1]).quant;
  if (!params) return std::nullopt;
  const auto channels = static_cast<std::size_t>(output_channels(graph, layer));
  const bool last = layer.op == OpKind::kMatMul ||
                    (layer.op == OpKind::kGemm && layer.attributes.integer("transB", 0) == 0);
  const int axis = last || layer.op == OpKind::kConvTranspose ? 1 : 0;
  const auto rows =
      static_cast<std::size_t>(graph.value(layer.inputs[1]).shape[static_cast<std::size_t>(axis)]);
  if (rows != channels || (params->per_channel() && params->axis != axis)) return std::nullopt;
  params->axis = axis;
  params->scale.resize(channels, params->scale[0]);
  params->zero_point.resize(channels, params->zero_point[0]);
  for (std::size_t c = 0; c < channels; ++c) {
    const double factor = std::abs(at(factors, static_cast<std::int64_t>(c)));
    if (factor > 0) params->scale[c] = static_cast<float>(params->scale[c] * factor);
  }
  return params;
}

void fold(Graph& graph, Node& layer, const ChannelAffine& affine) {
  const std::int64_t channels = output_channels(graph, layer);
  Tensor weights = graph.value(layer.inputs[1]).constant->clone();
  const auto weight_data = weights.data<float>();
  for (std::size_t i = 0; i < weight_data.size(); ++i) {
    const std::int64_t channel = channel_of_weight(graph, layer, static_cast<std::int64_t>(i));
    weight_data[i] = static_cast<float>(weight_data[i] * at(affine.scale, channel));
  }
  Tensor bias(DataType::kFloat32, {channels});
  const auto bias_data = bias.data<float>();
  const bool had_bias = layer.inputs.size() > 2 && layer.inputs[2] != kNoValue;
  for (std::int64_t c = 0; c < channels; ++c) {
    double old_bias = 0;
    if (had_bias) {
      const auto old = graph.value(layer.inputs[2]).constant->data<float>();
      old_bias = old.size() == 1 ? old[0] : old[static_cast<std::size_t>(c)];
    }
    bias_data[static_cast<std::size_t>(c)] =
        static_cast<float>(old_bias * at(affine.scale, c) + at(affine.shift, c));
  }
  const std::string base = graph.value(layer.outputs[0]).name;
  std::optional<QuantParams> params = rescaled(graph, layer, affine.scale);
  layer.inputs.resize(3, kNoValue);
  layer.inputs[1] = graph.add_constant(base + "/folded_weights", std::move(weights));
  layer.inputs[2] = graph.add_constant(base + "/folded_bias", std::move(bias));
  graph.value(layer.inputs[1]).quant = std::move(params);
}

}  // namespace

Status fold_channel_affine(Graph& graph) {
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    for (;;) {
      Node& layer = graph.nodes[index];
      if (!folds_into(graph, layer)) break;
      const Topology topology(graph);
      const ValueId output = layer.outputs[0];
      if (graph.value(output).quant) break;  // the model rounds between the two
      const auto reader = topology.only_reader(output);
      if (!reader) break;
      Node& next = graph.nodes[*reader];
      const auto affine = affine_of(graph, next, layer);
      if (!affine) break;
      fold(graph, layer, *affine);
      layer.original_names.insert(layer.original_names.end(), next.original_names.begin(),
                                  next.original_names.end());
      // The layer now makes what the follower made, under the follower's name.
      layer.outputs[0] = next.outputs[0];
      graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(*reader));
    }
  }
  remove_unused(graph);
  return {};
}

}  // namespace quant
