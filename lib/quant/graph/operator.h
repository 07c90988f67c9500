// SPDX-License-Identifier: MIT
// The table of operators: how each infers its outputs' types and shapes, and how it computes them
// in float. Semantics are ONNX's, opset 21.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

struct TensorType {
  DataType type = DataType::kFloat32;
  Shape shape;  // -1 only where data decides
};

// What is known of one node before it runs; null where an optional input is absent (types) or the
// input is no constant (constants). Both have one entry per node input.
struct NodeContext {
  const Node& node;
  std::vector<const TensorType*> types;
  std::vector<const Tensor*> constants;
};

// A node made ready for fixed input types: weights packed, library primitives built. One thread at
// a time.
class PreparedNode {
 public:
  virtual ~PreparedNode() = default;
  // One entry per node input (null where absent); `outputs` gets one fresh tensor per node output.
  virtual Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) = 0;
};

struct Operator {
  OpKind kind = OpKind::kIdentity;
  int min_inputs = 0;
  int max_inputs = 0;  // -1: any number
  // One TensorType per node output. Errors name no node: the caller adds it.
  Result<std::vector<TensorType>> (*infer)(const NodeContext&) = nullptr;
  // Checks types, shapes and attributes; what it accepts, run() can do.
  Result<std::unique_ptr<PreparedNode>> (*prepare)(const NodeContext&) = nullptr;
};

// How messages name a node: operator and original ONNX name, "Conv 'backbone/conv_1'".
std::string display_name(const Node& node);
// Null where the operator is not supported.
const Operator* find_operator(OpKind kind);
// Sorted by name; docs/operators.md is checked against it.
std::vector<OpKind> supported_operators();

// find_operator + input count + prepare. Errors name the node.
Result<std::unique_ptr<PreparedNode>> prepare_node(const NodeContext& context);
// Runs a node once: prepare and run. For constant folding and tests. Errors name the node.
Result<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor* const> inputs);
// Fills in type and shape of what one node of `graph` makes. Errors name the node.
Status infer_node(Graph& graph, const Node& node);
// Fills in type and shape of every value a node makes. Errors name the node.
Status infer_shapes(Graph& graph);

}  // namespace quant
