// SPDX-License-Identifier: MIT
// Grows a graph node by node in topological order. Every node's shapes are inferred as it arrives,
// and a node whose result is known already becomes a constant: shape arithmetic never enters the
// graph.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/onnx/flat_model.h"

namespace quant {

class GraphBuilder {
 public:
  // `names` holds every tensor name of the model; new constants and tensors take theirs from it.
  explicit GraphBuilder(NameSet& names) : names_(names) {}

  // The value under an ONNX tensor name; kNoValue where there is none.
  ValueId find(const std::string& name) const;
  void bind(const std::string& name, ValueId id) { values_[name] = id; }

  const Value& value(ValueId id) const { return graph_.value(id); }
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  // Null where the value is no constant or `id` is kNoValue.
  const Tensor* constant(ValueId id) const;

  ValueId add_input(Value value);
  // Under exactly this name (an initializer's).
  ValueId add_initializer(const std::string& name, Tensor tensor);
  // Under a new name made from `hint`.
  ValueId add_constant(const std::string& hint, Tensor tensor);
  std::string new_name(const std::string& hint) { return names_.unique(hint); }

  struct NodeSpec {
    OpKind op = OpKind::kIdentity;
    std::string onnx_name;
    std::vector<ValueId> inputs;
    // Tensor names, bound when the node is added; "" for an output that nobody reads.
    std::vector<std::string> outputs;
    Attributes attributes;
  };
  // The values of the outputs, kNoValue for "". Errors name the node.
  Result<std::vector<ValueId>> add_node(NodeSpec spec);
  // The same for one output under a new name made from `hint`.
  Result<ValueId> add_inner_node(NodeSpec spec, const std::string& hint);

  // Makes `names` the graph's outputs: gives each value its output's name, or copies it where one
  // value serves two outputs or is an input. Then the builder is empty.
  Result<Graph> finish(const std::vector<std::string>& outputs);

 private:
  bool is_foldable(const Node& node) const;
  Status fold(const Node& node);
  bool fold_shape(const Node& node);
  ValueId copy_value(ValueId id, const std::string& name);

  NameSet& names_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> values_;
  std::size_t folded_bytes_ = 0;
};

// Constants that rewriting needs.
Tensor int64_vector(const std::vector<std::int64_t>& values);
// float64 where `type` is, else float32.
Tensor float_scalar(DataType type, float value);
// The elements of an int64 or int32 tensor; empty for another type.
std::vector<std::int64_t> to_int64(const Tensor& tensor);

}  // namespace quant
