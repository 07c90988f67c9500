// SPDX-License-Identifier: MIT
#include "quant/optimize/fuse_followers.h"

#include <optional>
#include <utility>

#include "quant/optimize/integer_form.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

struct Clamp {
  std::optional<float> min;
  std::optional<float> max;
};

std::optional<Clamp> clamp_of(const Graph& graph, const Node& node) {
  if (node.op == OpKind::kRelu) return Clamp{0.0F, std::nullopt};
  if (node.op != OpKind::kClip || integer_form(graph, node) != IntegerForm::kPointwise)
    return std::nullopt;
  Clamp clamp;
  const auto bound = [&](std::size_t input) -> std::optional<float> {
    if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return std::nullopt;
    return graph.value(node.inputs[input]).constant->data<float>()[0];
  };
  clamp.min = bound(1);
  clamp.max = bound(2);
  return clamp;
}

bool takes_clamp(const Graph& graph, const Node& node) {
  switch (node.op) {
    case OpKind::kConv:
    case OpKind::kConvTranspose:
    case OpKind::kGemm:
    case OpKind::kMatMul:
    case OpKind::kBatchNormalization:
      return true;
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      return integer_form(graph, node) == IntegerForm::kComputed;
    default:
      return false;
  }
}

bool has_clamp(const Node& node) {
  return node.attributes.has("activation_min") || node.attributes.has("activation_max");
}

bool is_bias_of(const Graph& graph, const Node& add, const Node& product) {
  if (add.op != OpKind::kAdd || product.op != OpKind::kMatMul || product.inputs.size() > 2 ||
      has_clamp(product))
    return false;
  if (!graph.value(product.inputs[1]).constant) return false;
  const ValueId other = add.inputs[0] == product.outputs[0] ? add.inputs[1] : add.inputs[0];
  const auto& constant = graph.value(other).constant;
  const std::int64_t columns = graph.value(product.inputs[1]).shape.back();
  return constant && constant->type() == DataType::kFloat32 && constant->elements() == columns &&
         constant->shape().back() == columns &&
         graph.value(add.outputs[0]).shape == graph.value(product.outputs[0]).shape;
}

// Whether `node` took over `follower`.
bool fuse(const Graph& graph, Node& node, const Node& follower) {
  if (is_bias_of(graph, follower, node)) {
    node.inputs.push_back(follower.inputs[0] == node.outputs[0] ? follower.inputs[1]
                                                                : follower.inputs[0]);
  } else if (const auto clamp = clamp_of(graph, follower);
             clamp && takes_clamp(graph, node) && !has_clamp(node)) {
    if (clamp->min) node.attributes.set("activation_min", *clamp->min);
    if (clamp->max) node.attributes.set("activation_max", *clamp->max);
  } else {
    return false;
  }
  node.outputs[0] = follower.outputs[0];
  node.original_names.insert(node.original_names.end(), follower.original_names.begin(),
                             follower.original_names.end());
  return true;
}

}  // namespace

void fuse_followers(Graph& graph, std::vector<bool>& host) {
  const Topology topology(graph);
  std::vector<bool> taken(graph.nodes.size(), false);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    if (host[index] || taken[index]) continue;
    for (;;) {
      const ValueId output = graph.nodes[index].outputs[0];
      if (graph.value(output).quant) break;  // the model rounds between the two
      const auto reader = topology.only_reader(output);
      if (!reader || host[*reader] || !fuse(graph, graph.nodes[index], graph.nodes[*reader])) break;
      taken[*reader] = true;
    }
  }
  std::vector<Node> nodes;
  std::vector<bool> kept_host;
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    if (taken[index]) continue;
    nodes.push_back(std::move(graph.nodes[index]));
    kept_host.push_back(host[index]);
  }
  graph.nodes = std::move(nodes);
  host = std::move(kept_host);
}

}  // namespace quant
