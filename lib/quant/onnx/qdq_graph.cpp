// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_graph.h"

#include <fmt/format.h>

#include <bit>

#include "quant/onnx/element_type.h"

namespace quant {
namespace {

// Raw data is little-endian.
static_assert(std::endian::native == std::endian::little);

onnx::TensorProto tensor_message(const std::string& name, const Tensor& tensor) {
  onnx::TensorProto message;
  message.set_name(name);
  message.set_data_type(static_cast<std::int32_t>(onnx_type_of(tensor.type())));
  for (const std::int64_t size : tensor.shape()) message.add_dims(size);
  message.set_raw_data(tensor.raw(), tensor.bytes());
  return message;
}

// Fills in the value and type of one attribute.
struct AttributeWriter {
  onnx::AttributeProto& message;

  void operator()(std::int64_t value) const {
    message.set_type(onnx::AttributeProto::INT);
    message.set_i(value);
  }
  void operator()(float value) const {
    message.set_type(onnx::AttributeProto::FLOAT);
    message.set_f(value);
  }
  void operator()(const std::string& value) const {
    message.set_type(onnx::AttributeProto::STRING);
    message.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    message.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) message.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    message.set_type(onnx::AttributeProto::FLOATS);
    for (const float value : values) message.add_floats(value);
  }
  void operator()(const std::vector<std::string>& values) const {
    message.set_type(onnx::AttributeProto::STRINGS);
    for (const std::string& value : values) message.add_strings(value);
  }
  void operator()(const Tensor& value) const {
    message.set_type(onnx::AttributeProto::TENSOR);
    *message.mutable_t() = tensor_message({}, value);
  }
};

void declare(onnx::ValueInfoProto& message, const std::string& name, DataType type,
             const Shape& shape) {
  message.set_name(name);
  auto& tensor = *message.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(static_cast<std::int32_t>(onnx_type_of(type)));
  // A scalar has a shape too, one without sizes.
  auto& sizes = *tensor.mutable_shape();
  for (const std::int64_t size : shape) {
    auto& entry = *sizes.add_dim();
    if (size >= 0) entry.set_dim_value(size);
  }
}

}  // namespace

std::string QdqGraph::free_name(const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; !names_.emplace(name, false).second; ++number)
    name = fmt::format("{}_{}", wanted, number);
  return name;
}

std::string QdqGraph::free_node_name(const std::string& wanted) {
  std::string name = wanted;
  for (int number = 2; !node_names_.insert(name).second; ++number)
    name = fmt::format("{}_{}", wanted, number);
  return name;
}

std::string QdqGraph::claim(const std::string& name) {
  const auto known = names_.find(name);
  if (known == names_.end() || !known->second) return free_name(name);
  known->second = false;
  return name;
}

std::string QdqGraph::derive(const std::string& base, const std::string& suffix) {
  return free_name(base + suffix);
}

const std::string& QdqGraph::add_constant(const std::string& name, const Tensor& tensor) {
  *proto_.add_initializer() = tensor_message(name, tensor);
  return name;
}

// Two to a byte, the first in its low half.
const std::string& QdqGraph::add_int4(const std::string& name, const Tensor& tensor) {
  const auto elements = tensor.data<std::int8_t>();
  std::string bytes((elements.size() + 1) / 2, '\0');
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const int nibble = elements[i] & 0xf;
    bytes[i / 2] = static_cast<char>(bytes[i / 2] | (i % 2 == 0 ? nibble : nibble << 4));
  }
  onnx::TensorProto& message = *proto_.add_initializer();
  message.set_name(name);
  message.set_data_type(static_cast<std::int32_t>(kOnnxInt4));
  for (const std::int64_t size : tensor.shape()) message.add_dims(size);
  message.set_raw_data(std::move(bytes));
  return name;
}

void QdqGraph::add_node(const std::string& op_type, const std::string& name,
                        std::vector<std::string> inputs, const std::vector<std::string>& outputs,
                        const Attributes& attributes) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  onnx::NodeProto& node = *proto_.add_node();
  node.set_op_type(op_type);
  node.set_name(free_node_name(name));
  for (std::string& input : inputs) node.add_input(std::move(input));
  for (const std::string& output : outputs) node.add_output(output);
  for (const auto& [key, value] : attributes.all()) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit(AttributeWriter{attribute}, value);
  }
}

void QdqGraph::add_input(const std::string& name, DataType type, const Shape& shape) {
  declare(*proto_.add_input(), name, type, shape);
}

void QdqGraph::add_output(const std::string& name, DataType type, const Shape& shape) {
  declare(*proto_.add_output(), name, type, shape);
}

}  // namespace quant
