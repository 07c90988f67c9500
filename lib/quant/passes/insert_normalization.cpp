// SPDX-License-Identifier: MIT
#include "quant/passes/insert_normalization.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant {

Status insert_normalization(Graph& graph, const InputSpec& spec) {
  const auto found = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                                  [&](ValueId id) { return graph.value(id).name == spec.name; });
  if (found == graph.inputs.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("the model has no input '{}'", spec.name),
                graph.name);
  }
  const ValueId input = *found;
  const Shape expected = {1, spec.channels(), spec.height, spec.width};
  if (graph.value(input).shape != expected) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the input is {}, not {} as a {} image", to_string(graph.value(input).shape),
                    to_string(expected), to_string(spec.color)),
        spec.name);
  }
  Value normalized = graph.value(input);
  normalized.name = spec.name + "/normalized";
  const ValueId output = graph.add_value(std::move(normalized));
  graph.value(input).quant.reset();  // pixels; what the model says is of normalized values
  for (Node& node : graph.nodes)
    std::replace(node.inputs.begin(), node.inputs.end(), input, output);
  std::replace(graph.outputs.begin(), graph.outputs.end(), input, output);

  Node node;
  node.op = OpKind::kNormalization;
  node.name = "normalization1";
  node.inputs = {input};
  node.outputs = {output};
  node.attributes.set("mean", spec.mean);
  node.attributes.set("std", spec.std);
  graph.nodes.insert(graph.nodes.begin(), std::move(node));
  return {};
}

}  // namespace quant
