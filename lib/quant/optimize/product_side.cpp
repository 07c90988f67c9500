// SPDX-License-Identifier: MIT
#include "quant/optimize/product_side.h"

#include <algorithm>

#include "quant/optimize/integer_form.h"
#include "quant/optimize/own_constant.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

bool is_constant(const Graph& graph, const Node& node, std::size_t input) {
  return node.inputs[input] != kNoValue && graph.value(node.inputs[input]).constant.has_value();
}

bool has_input(const Node& node, std::size_t input) {
  return node.inputs.size() > input && node.inputs[input] != kNoValue;
}

// Of the output channels of a layer with weights; nothing of other layers.
std::optional<std::size_t> channel_axis(const Graph& graph, const Node& node) {
  if (integer_form(graph, node) != IntegerForm::kWeighted || !is_constant(graph, node, 1))
    return std::nullopt;
  if (node.op == OpKind::kConv) return 1;
  if (node.op != OpKind::kGemm && node.op != OpKind::kMatMul) return std::nullopt;
  const std::size_t last = graph.value(node.outputs[0]).shape.size() - 1;
  const bool whole_bias = !has_input(node, 2) || element_count(graph.value(node.inputs[2]).shape) ==
                                                     graph.value(node.outputs[0]).shape[last];
  return whole_bias ? std::optional(last) : std::nullopt;
}

// x·c, c·x, x/c with one number c: the factor.
std::optional<double> scalar_factor(const Graph& graph, const Node& node) {
  if (node.op != OpKind::kMul && node.op != OpKind::kDiv) return std::nullopt;
  const std::size_t other = node.op == OpKind::kMul && is_constant(graph, node, 0) ? 0 : 1;
  if (!is_scalar_constant(graph, node.inputs[other]) || is_constant(graph, node, 1 - other) ||
      graph.value(node.inputs[1 - other]).shape != graph.value(node.outputs[0]).shape)
    return std::nullopt;
  const double value = graph.value(node.inputs[other]).constant->data<float>()[0];
  if (value == 0) return std::nullopt;
  return node.op == OpKind::kMul ? value : 1 / value;
}

// The input of an Add that a bias per channel of the last axis is added to.
std::optional<std::size_t> biased_input(const Graph& graph, const Node& node) {
  if (node.op != OpKind::kAdd || activation_inputs(graph, node).size() != 1) return std::nullopt;
  const std::size_t bias = is_constant(graph, node, 0) ? 0 : 1;
  const Shape& shape = graph.value(node.outputs[0]).shape;
  const Value& constant = graph.value(node.inputs[bias]);
  const bool by_channel = constant.type == DataType::kFloat32 && !constant.shape.empty() &&
                          constant.shape.back() == shape.back() &&
                          element_count(constant.shape) == shape.back() &&
                          graph.value(node.inputs[1 - bias]).shape == shape;
  return by_channel ? std::optional(1 - bias) : std::nullopt;
}

class Tracer {
 public:
  Tracer(const Graph& graph, const std::vector<bool>& host, const std::vector<ValueId>& untouched)
      : graph_(graph), host_(host), untouched_(untouched), topology_(graph) {}

  std::optional<ProductSide> run(std::size_t product, std::size_t side) const {
    ProductSide result;
    result.operand = operand_labels(product, side);
    ElementLabels labels = result.operand;
    ValueId value = graph_.nodes[product].inputs[side];
    std::size_t reader = product;
    double factor = 1;
    for (;;) {
      const auto producer = topology_.producer(value);
      if (!producer || host_[*producer] || !is_free(value, labels, reader)) return std::nullopt;
      const Node& node = graph_.nodes[*producer];
      if (const auto axis = channel_axis(graph_, node)) {
        auto channels = labels_along(labels, graph_.value(value).shape, *axis);
        if (!channels) return std::nullopt;
        if (result.biases.empty()) result.roundings.push_back({value, std::move(labels), factor});
        result.maker = *producer;
        result.channels = std::move(*channels);
        return result;
      }
      // Behind a bias only a product without one may stand: the two become one layer.
      if (!result.biases.empty()) return std::nullopt;
      if (const auto by = scalar_factor(graph_, node)) {
        result.roundings.push_back({value, labels, factor});
        factor *= *by;
        value = activation_inputs(graph_, node)[0];
      } else if (const auto input = biased_input(graph_, node)) {
        const auto before = topology_.producer(node.inputs[*input]);
        if (!before || graph_.nodes[*before].op != OpKind::kMatMul) return std::nullopt;
        result.roundings.push_back({value, labels, factor});
        result.biases.push_back(*producer);
        value = node.inputs[*input];
      } else {
        std::vector<ElementLabels> outputs(node.outputs.size());
        const auto at = std::find(node.outputs.begin(), node.outputs.end(), value);
        outputs[static_cast<std::size_t>(at - node.outputs.begin())] = std::move(labels);
        auto before = labels_before(graph_, node, outputs);
        if (!before || node.op == OpKind::kConcat) return std::nullopt;
        labels = std::move((*before)[0]);
        value = node.inputs[0];
      }
      reader = *producer;
    }
  }

 private:
  ElementLabels operand_labels(std::size_t product, std::size_t side) const {
    const Shape& shape = graph_.value(graph_.nodes[product].inputs[side]).shape;
    const std::size_t contracted = shape.size() - (side == 0 ? 1 : 2);
    const auto matrix = static_cast<std::size_t>(shape[shape.size() - 1] * shape[shape.size() - 2]);
    ElementLabels labels = labels_by_axis(shape, contracted);
    for (std::size_t i = 0; i < labels.size(); ++i)
      labels[i] +=
          static_cast<std::int32_t>(i / matrix) * static_cast<std::int32_t>(shape[contracted]);
    return labels;
  }

  // Whether nothing but `reader` reads the labelled elements of `value`.
  bool is_free(ValueId value, const ElementLabels& labels, std::size_t reader) const {
    const Value& tensor = graph_.value(value);
    if (topology_.is_output(value) || tensor.quant || tensor.type != DataType::kFloat32 ||
        std::find(untouched_.begin(), untouched_.end(), value) != untouched_.end())
      return false;
    const auto& readers = topology_.readers(value);
    if (std::count(readers.begin(), readers.end(), reader) != 1) return false;
    return std::all_of(readers.begin(), readers.end(), [&](std::size_t other) {
      return other == reader || reads_others(graph_.nodes[other], labels);
    });
  }

  // A node that moves elements of a tensor on, none of them labelled.
  bool reads_others(const Node& node, const ElementLabels& labels) const {
    std::vector<ElementLabels> outputs;
    for (const ValueId id : node.outputs) {
      const std::int64_t count = id == kNoValue ? 0 : element_count(graph_.value(id).shape);
      outputs.emplace_back(static_cast<std::size_t>(count), 0);
    }
    const auto read = labels_before(graph_, node, outputs);
    if (!read || node.op == OpKind::kConcat) return false;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != kNoLabel && (*read)[0][i] != kNoLabel) return false;
    }
    return true;
  }

  const Graph& graph_;
  const std::vector<bool>& host_;
  const std::vector<ValueId>& untouched_;
  Topology topology_;
};

// tensor[i] *= factor[i / inner % factors]
void scale(Tensor& tensor, std::size_t inner, const std::vector<double>& factor) {
  const auto data = tensor.data<float>();
  for (std::size_t i = 0; i < data.size(); ++i)
    data[i] = static_cast<float>(data[i] * factor[i / inner % factor.size()]);
}

}  // namespace

std::optional<ProductSide> trace_side(const Graph& graph, const std::vector<bool>& host,
                                      const std::vector<ValueId>& untouched, std::size_t node,
                                      std::size_t side) {
  return Tracer(graph, host, untouched).run(node, side);
}

void scale_maker(Graph& graph, const ProductSide& side, const std::vector<double>& factor) {
  Node& maker = graph.nodes[side.maker];
  const bool by_rows = maker.op == OpKind::kConv ||
                       (maker.op == OpKind::kGemm && maker.attributes.integer("transB", 0) != 0);
  Tensor& weights = own_constant(graph, maker, 1);
  const auto channels = static_cast<std::int64_t>(factor.size());
  scale(weights, by_rows ? static_cast<std::size_t>(weights.elements() / channels) : 1, factor);
  if (has_input(maker, 2)) scale(own_constant(graph, maker, 2), 1, factor);
  for (const std::size_t bias : side.biases) {
    Node& add = graph.nodes[bias];
    scale(own_constant(graph, add, is_constant(graph, add, 0) ? 0 : 1), 1, factor);
  }
}

}  // namespace quant
