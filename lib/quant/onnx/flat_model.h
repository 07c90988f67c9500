// SPDX-License-Identifier: MIT
// An ONNX model as one flat list of nodes: local functions inlined, names unique over the whole
// model. Between the messages and the graph; nothing is converted yet.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "quant/base/result.h"
#include "quant/onnx/attribute_proto.h"

namespace quant {

struct FlatScope;

struct FlatNode {
  std::string op_type;
  std::string domain;               // "" also for "ai.onnx"
  std::string name;                 // ONNX's; an unnamed node has its first output's name
  std::int64_t opset = 0;           // version of the default domain; 0 where the model does not say
  std::vector<std::string> inputs;  // tensor names of the flat model; "" where absent
  std::vector<std::string> outputs;
  std::vector<std::string> captured;  // what subgraphs (If) read from outside them
  AttributeProtos attributes;
  std::shared_ptr<const FlatScope> scope;  // where names of its subgraphs are looked up
};

// "Conv"; with its domain where that is not ONNX's: "com.microsoft.QLinearAdd".
std::string qualified_name(const FlatNode& node);

struct FlatModel {
  std::vector<FlatNode> nodes;  // in the file's order until sort_nodes
  std::unordered_map<std::string, const onnx::TensorProto*> initializers;
  std::unordered_map<std::string, const onnx::SparseTensorProto*> sparse_initializers;
  std::vector<const onnx::ValueInfoProto*> inputs;  // without initializers; empty for a subgraph
  std::vector<std::string> outputs;
};

// Hands out names that nothing in the model has yet.
class NameSet {
 public:
  // False where the name is taken.
  bool insert(const std::string& name) { return names_.insert(name).second; }
  bool contains(const std::string& name) const { return names_.contains(name); }
  // `hint`, or `hint` with a number behind it.
  std::string unique(const std::string& hint);

 private:
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, int> next_;
};

// Flattens one model, and later the branches of its If nodes. The model outlives it and all it
// returns.
class Flattener {
 public:
  explicit Flattener(const onnx::ModelProto& model);
  ~Flattener();
  Flattener(const Flattener&) = delete;
  Flattener& operator=(const Flattener&) = delete;

  // Errors: opset outside 1 to 21, two makers of one tensor, recursive or far too large functions.
  Result<FlatModel> flatten();
  // The body of a subgraph of `node`; its outputs are names of the flat model.
  Result<FlatModel> flatten_subgraph(const FlatNode& node, const onnx::GraphProto& graph);

  NameSet& names();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Keeps the nodes that `outputs` need and orders them; stable. InvalidData where nothing makes a
// tensor that is read and on a cycle. `is_known` tells of tensors outside (for subgraphs).
Status sort_nodes(FlatModel& model, const std::vector<std::string>& outputs,
                  const std::function<bool(const std::string&)>& is_known);

}  // namespace quant
