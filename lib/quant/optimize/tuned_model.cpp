// SPDX-License-Identifier: MIT
#include "quant/optimize/tuned_model.h"

#include <algorithm>

#include "quant/graph/integer_attributes.h"
#include "quant/optimize/lower.h"

namespace quant {

std::vector<Range> tuned_ranges(const Graph& float_graph, const std::vector<Range>& ranges,
                                const TunedValues& tuned) {
  std::vector<Range> result = ranges;
  for (std::size_t id = 0; id < result.size(); ++id) {
    const auto found = tuned.ranges.find(float_graph.values[id].name);
    if (found != tuned.ranges.end()) result[id] = found->second;
  }
  return result;
}

Result<QuantizedModel> tuned_model(const Graph& float_graph, const InputSpec& input,
                                   const std::vector<Range>& ranges, const QuantizationPlan& plan,
                                   const TunedValues& tuned) {
  QUANT_TRY_ASSIGN(QuantizedModel model, lower(float_graph, input, ranges, plan));
  Graph& graph = model.integer;
  for (std::size_t index = 0; index < float_graph.nodes.size(); ++index) {
    const Node& original = float_graph.nodes[index];
    const auto found = tuned.layers.find(original.name);
    const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const Node& n) { return n.name == original.name; });
    auto layer = channel_layer(float_graph, original);
    if (found == tuned.layers.end() || node == graph.nodes.end() || !layer) continue;
    layer->weights = found->second.weights;
    layer->bias = found->second.bias;
    auto integers = quantize_layer(*layer, *graph.value(node->inputs[0]).quant, plan.layer(index),
                                   found->second.steps);
    if (!integers) return fail_with_context(std::move(integers).error(), original.name);
    if (integers->steps.multiples.elements() > 0)
      node->attributes.set(kWeightMultiples, std::move(integers->steps.multiples));
    Value& weights = graph.value(node->inputs[1]);
    weights.constant = std::move(integers->weights);
    weights.quant = std::move(integers->steps.params);
    Value& bias = graph.value(node->inputs[2]);
    bias.constant = std::move(integers->bias);
    bias.quant = std::move(integers->bias_params);
  }
  return model;
}

}  // namespace quant
