// SPDX-License-Identifier: MIT
// A network as values (tensors) and nodes (operators) in topological order. One type serves the
// float ladder and the integer graph: there, values carry quantization parameters. Shapes and axes
// are ONNX's (N, C, H, W); how a value lies in memory is the engine's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/attributes.h"
#include "quant/graph/op_kind.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Index into Graph::values. kNoValue stands for an optional input that is absent.
using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;

struct Value {
  std::string name;  // the ONNX tensor name where there is one; unique in the graph
  DataType type = DataType::kFloat32;
  Shape shape;  // -1 only where data decides it (NonZero, NonMaxSuppression, …)
  std::optional<Tensor> constant;  // weights and other initializers
  // Integer graph: every activation and every weight. Float graph: what the file of a quantized
  // model says of this value's integers, which the optimizer keeps; of constants the type is the
  // stored one.
  std::optional<QuantParams> quant;
};

struct Node {
  OpKind op = OpKind::kIdentity;
  std::string
      name;  // layer name in the toolchain's style: conv1, dw3, ew_add2; unique in the graph
  // Names of the ONNX nodes that became this one (fusing appends), for reports and selectors.
  std::vector<std::string> original_names;
  std::vector<ValueId> inputs;   // kNoValue where optional and absent
  std::vector<ValueId> outputs;  // kNoValue where not asked for
  Attributes attributes;
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;      // topological order
  std::vector<ValueId> inputs;  // without initializers
  std::vector<ValueId> outputs;

  Value& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const Value& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  ValueId add_value(Value value);
  ValueId add_constant(std::string name, Tensor tensor);
  std::optional<ValueId> find_value(const std::string& name) const;
};

// For every value the indices of the nodes that read it (a node that reads it twice stands twice).
std::vector<std::vector<std::size_t>> consumers(const Graph& graph);
// For every value the index of the node that makes it, or nothing (inputs, constants).
std::vector<std::optional<std::size_t>> producers(const Graph& graph);

// Orders the nodes so that each stands after what it reads; stable. InvalidData naming a node on a
// cycle.
Status sort_topologically(Graph& graph);
// Drops nodes and values that no output needs. ValueIds change; node order stays.
void remove_unused(Graph& graph);
// Ids in range, one producer a value, topological order, unique names, constants match their types.
Status verify(const Graph& graph);

}  // namespace quant
