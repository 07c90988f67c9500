// SPDX-License-Identifier: MIT
// Small float graphs for tests, written down node by node.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/graph/operator.h"
#include "quant/onnx/layer_names.h"

namespace quant::testing {

class GraphBuilder {
 public:
  ValueId input(const std::string& name, Shape shape) {
    Value value;
    value.name = name;
    value.shape = std::move(shape);
    const ValueId id = graph_.add_value(std::move(value));
    graph_.inputs.push_back(id);
    return id;
  }
  ValueId constant(Shape shape, const std::vector<float>& values) {
    return graph_.add_constant("constant" + std::to_string(graph_.values.size()),
                               Tensor::from<float>(std::move(shape), values));
  }
  ValueId random(Shape shape, float magnitude) {
    std::uniform_real_distribution<float> uniform(-magnitude, magnitude);
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& value : values) value = uniform(engine_);
    return constant(std::move(shape), values);
  }
  ValueId integers(const std::vector<std::int64_t>& values) {
    return graph_.add_constant(
        "constant" + std::to_string(graph_.values.size()),
        Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  // One output, its shape inferred; a test's mistake ends the test program.
  ValueId node(OpKind op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return nodes(op, std::move(inputs), 1, std::move(attributes))[0];
  }
  std::vector<ValueId> nodes(OpKind op, std::vector<ValueId> inputs, std::size_t outputs,
                             Attributes attributes = {}) {
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    for (std::size_t i = 0; i < outputs; ++i) {
      Value value;
      value.name = "value" + std::to_string(graph_.values.size());
      node.outputs.push_back(graph_.add_value(std::move(value)));
    }
    node.original_names = {"/" + graph_.value(node.outputs[0]).name};
    if (auto status = infer_node(graph_, node); !status) {
      std::fprintf(stderr, "%s\n", status.error().text().c_str());
      std::abort();
    }
    graph_.nodes.push_back(node);
    return node.outputs;
  }
  Graph build(std::vector<ValueId> outputs) {
    graph_.outputs = std::move(outputs);
    name_layers(graph_);
    return graph_;
  }

 private:
  Graph graph_;
  std::mt19937 engine_{1};
};

inline Attributes attributes(std::initializer_list<std::pair<const char*, Attribute>> entries) {
  Attributes result;
  for (const auto& [name, value] : entries) result.set(name, value);
  return result;
}

inline Attributes padded(std::int64_t pad) {
  return attributes({{"pads", std::vector<std::int64_t>{pad, pad, pad, pad}}});
}

}  // namespace quant::testing
