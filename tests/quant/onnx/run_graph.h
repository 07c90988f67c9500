// SPDX-License-Identifier: MIT
// Runs a graph one node at a time, so that a test can look at values instead of structure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "quant/graph/operator.h"

namespace quant::testing {

// The outputs in order. `inputs` by name.
inline Result<std::vector<Tensor>> run_graph(const Graph& graph,
                                             const std::map<std::string, Tensor>& inputs) {
  std::vector<std::optional<Tensor>> values;
  for (const Value& value : graph.values) values.push_back(value.constant);
  for (const ValueId id : graph.inputs) {
    const auto given = inputs.find(graph.value(id).name);
    if (given == inputs.end()) {
      return fail(ErrorCode::kInvalidArgument, "no tensor for this input", graph.value(id).name);
    }
    values[static_cast<std::size_t>(id)] = given->second;
  }
  for (const Node& node : graph.nodes) {
    std::vector<const Tensor*> arguments;
    for (const ValueId id : node.inputs) {
      arguments.push_back(id == kNoValue ? nullptr : &*values[static_cast<std::size_t>(id)]);
    }
    QUANT_TRY_ASSIGN(std::vector<Tensor> results, evaluate_node(node, arguments));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue)
        values[static_cast<std::size_t>(node.outputs[i])] = results[i];
    }
  }
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(*values[static_cast<std::size_t>(id)]);
  return outputs;
}

inline std::vector<float> floats_of(const Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

// 0, 1, 2, …
inline Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::kFloat32, shape);
  float next = 0;
  for (float& value : tensor.data<float>()) value = next++;
  return tensor;
}

}  // namespace quant::testing
