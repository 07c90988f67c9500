// SPDX-License-Identifier: MIT
#include "quant/passes/saturate.h"

#include <utility>

namespace quant {
namespace {

Node saturation(Graph& graph, ValueId saturated) {
  const Value target = graph.value(saturated);
  Value source = target;
  source.name += "/unsaturated";
  source.quant.reset();
  Node clip;
  clip.op = OpKind::kClip;
  clip.name = target.name + "/saturation";
  clip.inputs = {
      graph.add_value(std::move(source)),
      graph.add_constant(target.name + "/lowest", Tensor::scalar(target.quant->range_min)),
      graph.add_constant(target.name + "/highest", Tensor::scalar(target.quant->range_max))};
  clip.outputs = {saturated};
  return clip;
}

}  // namespace

void saturate(Graph& graph) {
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    std::vector<Node> clips;
    for (ValueId& id : node.outputs) {
      if (id == kNoValue || !graph.value(id).quant) continue;
      clips.push_back(saturation(graph, id));
      id = clips.back().inputs[0];
    }
    nodes.push_back(std::move(node));
    for (Node& clip : clips) nodes.push_back(std::move(clip));
  }
  graph.nodes = std::move(nodes);
}

}  // namespace quant
