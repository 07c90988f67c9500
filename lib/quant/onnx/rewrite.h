// SPDX-License-Identifier: MIT
// Old forms of ONNX operators rewritten into those of opset 21, one node at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/attributes.h"
#include "quant/onnx/graph_builder.h"

namespace quant {

// A node between ONNX and the graph: inputs are values already, types and shapes known.
struct NodeForm {
  std::string op_type;  // qualified_name
  std::string name;
  std::int64_t opset = 0;
  std::vector<ValueId> inputs;       // kNoValue where absent
  std::vector<std::string> outputs;  // tensor names; "" where nobody reads it
  Attributes attributes;
  std::optional<ValueId> same_as;  // set: no node is needed, the first output is this value

  ValueId input(std::size_t index) const {
    return index < inputs.size() ? inputs[index] : kNoValue;
  }
  void set_input(std::size_t index, ValueId id);
};

// The operator that stands for one that ONNX has renamed or folded into another: Resize for
// Upsample.
std::string current_operator_name(const std::string& op_type);

// Whether a rule knows this (qualified) operator; how operators of other domains become ONNX's.
bool is_rewritten(const std::string& op_type);

// Gives `form` the meaning of opset 21, adding nodes and constants before it where one node does
// not suffice. Errors name no node.
Status rewrite_to_current_opset(NodeForm& form, GraphBuilder& builder);

}  // namespace quant
