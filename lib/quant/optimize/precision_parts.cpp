// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_parts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/partition.h"
#include "quant/optimize/plan_precision.h"

namespace quant {

Result<PrecisionParts> PrecisionParts::find(std::shared_ptr<const Graph> graph,
                                            const InputSpec& input,
                                            const std::vector<Range>& ranges,
                                            QuantizationPlan plan) {
  PrecisionParts result;
  result.graph_ = std::move(graph);
  result.plan_ = std::move(plan);
  if (result.plan_.layers.empty()) result.plan_.layers.resize(result.graph_->nodes.size());
  QUANT_TRY_ASSIGN(result.host_, partition(*result.graph_));
  result.multiplications_ = multiplications(*result.graph_);
  QUANT_TRY(result.find_parts(input, ranges));
  result.find_moves();
  return result;
}

// Layers that only pass activations on follow their maker.
bool PrecisionParts::makes_activations(std::size_t node) const {
  return !host_[node] && !passes_precision(*graph_, graph_->nodes[node]);
}

Status PrecisionParts::find_parts(const InputSpec& input, const std::vector<Range>& ranges) {
  // What a fused activation or a table swallows has no integers of its own.
  QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph_, input, ranges, plan_));
  const auto has_integers = [&](std::size_t node) {
    const std::string& name = graph_->value(graph_->nodes[node].outputs[0]).name;
    return model.integer.find_value(name).has_value();
  };
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    if (!makes_activations(node)) continue;
    const PrecisionMode& mode = plan_.layers[node].precision;
    if (mode.output_bits == 8 && has_integers(node)) parts_.push_back({node, false});
    if (mode.weight_bits != 16 && channel_layer(*graph_, graph_->nodes[node]))
      parts_.push_back({node, true});
  }
  return {};
}

void PrecisionParts::find_moves() {
  for (std::size_t part = 0; part < parts_.size(); ++part) moves_.push_back({part});
  // The parts that decide the bits of each value.
  std::vector<std::set<std::size_t>> decide(graph_->values.size());
  std::set<std::set<std::size_t>> together;
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    const Node& layer = graph_->nodes[node];
    std::set<std::size_t> read;
    for (const ValueId id : activation_inputs(*graph_, layer))
      read.merge(std::set(decide[static_cast<std::size_t>(id)]));
    if (host_[node]) continue;
    if (!passes_precision(*graph_, layer)) {
      if (read.size() > 1) together.insert(read);
      read.clear();
      const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const PrecisionPart& p) {
        return p.node == node && !p.weights;
      });
      if (part != parts_.end()) read = {static_cast<std::size_t>(part - parts_.begin())};
    }
    for (const ValueId id : layer.outputs) {
      if (id != kNoValue) decide[static_cast<std::size_t>(id)] = read;
    }
  }
  for (const std::set<std::size_t>& parts : together)
    moves_.emplace_back(parts.begin(), parts.end());
}

QuantizationPlan PrecisionParts::plan_of(const std::vector<bool>& wide) const {
  QuantizationPlan plan = plan_;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    PrecisionMode& mode = plan.layers[parts_[i].node].precision;
    if (wide[i]) (parts_[i].weights ? mode.weight_bits : mode.output_bits) = 16;
  }
  std::vector<int> bits(graph_->values.size(), 8);
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    const Node& layer = graph_->nodes[node];
    PrecisionMode& mode = plan.layers[node].precision;
    const std::vector<ValueId> inputs = activation_inputs(*graph_, layer);
    const bool reads_wide = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      return bits[static_cast<std::size_t>(id)] == 16;
    });
    if (!host_[node]) {
      mode.input_bits = reads_wide ? 16 : 8;
      if (passes_precision(*graph_, layer)) mode.output_bits = mode.input_bits;
    }
    for (const ValueId id : layer.outputs) {
      if (id != kNoValue) bits[static_cast<std::size_t>(id)] = mode.output_bits;
    }
  }
  return plan;
}

double PrecisionParts::bit_operations(const QuantizationPlan& plan) const {
  double sum = 0;
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    const PrecisionMode& mode = plan.layers[node].precision;
    const int other =
        channel_layer(*graph_, graph_->nodes[node]) ? mode.weight_bits : mode.input_bits;
    sum += multiplications_[node] * mode.input_bits * other;
  }
  return sum;
}

double PrecisionParts::cost(const std::vector<bool>& wide) const {
  const QuantizationPlan plan = plan_of(wide);
  double sum = bit_operations(plan);
  for (std::size_t node = 0; node < graph_->nodes.size(); ++node) {
    if (host_[node] || plan.layers[node].precision.input_bits == 8) continue;
    for (const ValueId id : activation_inputs(*graph_, graph_->nodes[node]))
      sum += 8 * static_cast<double>(element_count(graph_->value(id).shape));
  }
  return sum;
}

std::vector<double> multiplications(const Graph& graph) {
  std::vector<double> result(graph.nodes.size(), 0.0);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    const auto outputs = static_cast<double>(element_count(graph.value(node.outputs[0]).shape));
    if (const auto layer = channel_layer(graph, node)) {
      const Shape& weights = layer->weights.shape();
      if (layer->op == OpKind::kConvTranspose) {
        const double inputs = static_cast<double>(element_count(graph.value(layer->input).shape));
        result[index] = inputs * static_cast<double>(weights[1] * weights[2] * weights[3]);
      } else {
        result[index] = outputs * static_cast<double>(layer->weights.elements()) /
                        static_cast<double>(weights[0]);
      }
    } else if (node.op == OpKind::kMatMul) {
      result[index] = outputs * static_cast<double>(graph.value(node.inputs[0]).shape.back());
    }
  }
  return result;
}

}  // namespace quant
