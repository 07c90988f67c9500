// SPDX-License-Identifier: MIT
// Small ONNX models made in the test: messages first, bytes on demand.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "quant/tensor/shape.h"

namespace quant::testing {

inline onnx::TensorProto float_tensor(const std::string& name, const Shape& shape,
                                      const std::vector<float>& values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const std::int64_t dim : shape) tensor.add_dims(dim);
  for (const float value : values) tensor.add_float_data(value);
  return tensor;
}

inline onnx::TensorProto int64_tensor(const std::string& name, const Shape& shape,
                                      const std::vector<std::int64_t>& values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  for (const std::int64_t dim : shape) tensor.add_dims(dim);
  for (const std::int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

// int8, uint8, int16, uint16 or int32.
inline onnx::TensorProto small_integer_tensor(const std::string& name, const Shape& shape,
                                              onnx::TensorProto::DataType type,
                                              const std::vector<int>& values) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(type);
  for (const std::int64_t dim : shape) tensor.add_dims(dim);
  for (const int value : values) tensor.add_int32_data(value);
  return tensor;
}

// Adds attributes to a node: NodeAttributes(node).set("axis", 1).set("mode", "linear").
class NodeAttributes {
 public:
  explicit NodeAttributes(onnx::NodeProto& node) : node_(&node) {}

  NodeAttributes& set(const std::string& name, std::int64_t value) {
    add(name, onnx::AttributeProto::INT).set_i(value);
    return *this;
  }
  NodeAttributes& set(const std::string& name, int value) {
    return set(name, static_cast<std::int64_t>(value));
  }
  NodeAttributes& set(const std::string& name, float value) {
    add(name, onnx::AttributeProto::FLOAT).set_f(value);
    return *this;
  }
  NodeAttributes& set(const std::string& name, const char* value) {
    add(name, onnx::AttributeProto::STRING).set_s(value);
    return *this;
  }
  NodeAttributes& set(const std::string& name, const std::vector<std::int64_t>& values) {
    auto& attribute = add(name, onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute.add_ints(value);
    return *this;
  }
  NodeAttributes& set(const std::string& name, const std::vector<float>& values) {
    auto& attribute = add(name, onnx::AttributeProto::FLOATS);
    for (const float value : values) attribute.add_floats(value);
    return *this;
  }
  NodeAttributes& set(const std::string& name, const onnx::TensorProto& value) {
    *add(name, onnx::AttributeProto::TENSOR).mutable_t() = value;
    return *this;
  }
  NodeAttributes& set(const std::string& name, const onnx::GraphProto& value) {
    *add(name, onnx::AttributeProto::GRAPH).mutable_g() = value;
    return *this;
  }
  // The attribute `name` is the enclosing function's attribute `function_attribute`.
  NodeAttributes& refer(const std::string& name, onnx::AttributeProto::AttributeType type,
                        const std::string& function_attribute) {
    add(name, type).set_ref_attr_name(function_attribute);
    return *this;
  }

 private:
  onnx::AttributeProto& add(const std::string& name, onnx::AttributeProto::AttributeType type) {
    onnx::AttributeProto& attribute = *node_->add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }

  onnx::NodeProto* node_;
};

// Works on a GraphProto or a FunctionProto.
template <typename Body>
NodeAttributes add_node(Body& body, const std::string& op_type,
                        const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const std::string& name = {}) {
  onnx::NodeProto& node = *body.add_node();
  node.set_op_type(op_type);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  if (!name.empty()) node.set_name(name);
  return NodeAttributes(node);
}

class ModelBuilder {
 public:
  explicit ModelBuilder(std::int64_t opset = 17) {
    proto_.set_ir_version(8);
    import("", opset);
    graph().set_name("test");
  }

  onnx::ModelProto& proto() { return proto_; }
  onnx::GraphProto& graph() { return *proto_.mutable_graph(); }

  void import(const std::string& domain, std::int64_t version) {
    auto& entry = *proto_.add_opset_import();
    entry.set_domain(domain);
    entry.set_version(version);
  }
  // A dimension of -1 is left open.
  void input(const std::string& name, const Shape& shape,
             std::int32_t type = onnx::TensorProto::FLOAT) {
    declare(*graph().add_input(), name, shape, type);
  }
  void output(const std::string& name) {
    auto& value = *graph().add_output();
    value.set_name(name);
    value.mutable_type()->mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
  }
  void initializer(const onnx::TensorProto& tensor) { *graph().add_initializer() = tensor; }
  void floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    initializer(float_tensor(name, shape, values));
  }
  void integers(const std::string& name, const Shape& shape,
                const std::vector<std::int64_t>& values) {
    initializer(int64_tensor(name, shape, values));
  }
  void small_integers(const std::string& name, const Shape& shape, onnx::TensorProto::DataType type,
                      const std::vector<int>& values) {
    initializer(small_integer_tensor(name, shape, type, values));
  }
  NodeAttributes node(const std::string& op_type, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs, const std::string& name = {}) {
    return add_node(graph(), op_type, inputs, outputs, name);
  }

  std::vector<std::byte> bytes() const {
    const std::string text = proto_.SerializeAsString();
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    return {begin, begin + text.size()};
  }

 private:
  static void declare(onnx::ValueInfoProto& value, const std::string& name, const Shape& shape,
                      std::int32_t type) {
    value.set_name(name);
    auto& tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    auto& dims = *tensor.mutable_shape();
    for (const std::int64_t dim : shape) {
      auto& entry = *dims.add_dim();
      if (dim >= 0) entry.set_dim_value(dim);
    }
  }

  onnx::ModelProto proto_;
};

}  // namespace quant::testing
