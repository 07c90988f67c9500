// SPDX-License-Identifier: MIT
#include "quant/optimize/scale_channels.h"

#include <algorithm>
#include <vector>

#include "quant/optimize/own_constant.h"

namespace quant {
namespace {

using Labels = std::vector<std::int32_t>;  // class of each channel

void divide_outputs(Graph& graph, Node& node, const Labels& labels, std::span<const double> scale) {
  const auto divide = [&](Tensor& tensor) {
    const auto data = tensor.data<float>();
    const std::size_t each = data.size() / labels.size();
    for (std::size_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<float>(data[i] / scale_of(scale, labels[i / each]));
  };
  divide(own_constant(graph, node, 1));
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) divide(own_constant(graph, node, 2));
}

void multiply_inputs(Graph& graph, Node& node, const Labels& labels,
                     std::span<const double> scale) {
  Tensor& weights = own_constant(graph, node, 1);
  const Shape& shape = weights.shape();
  const auto inputs = static_cast<std::size_t>(shape[1]);
  const auto kernel = static_cast<std::size_t>(shape[2] * shape[3]);
  const auto group_outputs =
      static_cast<std::size_t>(shape[0] / node.attributes.integer("group", 1));
  const auto data = weights.data<float>();
  for (std::size_t i = 0; i < data.size(); ++i) {
    const std::size_t output = i / (inputs * kernel);
    const std::size_t channel = output / group_outputs * inputs + i / kernel % inputs;
    data[i] = static_cast<float>(data[i] * scale_of(scale, labels[channel]));
  }
}

bool is_scaled(const Labels& labels, std::span<const double> scale) {
  return std::any_of(labels.begin(), labels.end(),
                     [&](std::int32_t label) { return scale_of(scale, label) != 1; });
}

}  // namespace

void scale_channels(Graph& graph, const ChannelClasses& classes, std::span<const double> scale) {
  for (Node& node : graph.nodes) {
    if (!is_plain_convolution(graph, node)) continue;
    const Labels& read = classes.of[static_cast<std::size_t>(node.inputs[0])];
    const Labels& made = classes.of[static_cast<std::size_t>(node.outputs[0])];
    if (is_scaled(made, scale)) divide_outputs(graph, node, made, scale);
    if (is_scaled(read, scale)) multiply_inputs(graph, node, read, scale);
  }
}

}  // namespace quant
