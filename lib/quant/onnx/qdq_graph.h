// SPDX-License-Identifier: MIT
// An ONNX graph under construction: nodes in order, constants, and names that are given once.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "quant/graph/attributes.h"
#include "quant/tensor/tensor.h"

namespace quant {

class QdqGraph {
 public:
  // Keeps `name` for the first who claims it.
  void reserve(const std::string& name) { names_.emplace(name, true); }
  // `name`, or with a number behind it where it is taken.
  std::string claim(const std::string& name);
  // A name for something that belongs to `base`; never a reserved one.
  std::string derive(const std::string& base, const std::string& suffix);

  // `name` as given by claim() or derive(); returns it.
  const std::string& add_constant(const std::string& name, const Tensor& tensor);
  // The same of int8 elements from −8 to 7, stored as INT4.
  const std::string& add_int4(const std::string& name, const Tensor& tensor);
  // Operator of the default domain; `name` gets a number where another node has it. Empty input
  // names are absent optional inputs; those at the end are left out.
  void add_node(const std::string& op_type, const std::string& name,
                std::vector<std::string> inputs, const std::vector<std::string>& outputs,
                const Attributes& attributes = {});
  void add_input(const std::string& name, DataType type, const Shape& shape);
  // Sizes of -1 stay open.
  void add_output(const std::string& name, DataType type, const Shape& shape);

  const onnx::GraphProto& proto() const { return proto_; }
  onnx::GraphProto& proto() { return proto_; }

 private:
  std::string free_name(const std::string& wanted);
  std::string free_node_name(const std::string& wanted);

  onnx::GraphProto proto_;
  std::unordered_map<std::string, bool> names_;  // true: reserved, and not claimed yet
  std::unordered_set<std::string> node_names_;
};

}  // namespace quant
