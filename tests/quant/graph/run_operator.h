// SPDX-License-Identifier: MIT
// One operator on tensors given in a test, without a graph around it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "quant/graph/operator.h"

namespace quant::test {

using NamedAttributes = std::vector<std::pair<std::string, Attribute>>;

template <typename T>
Tensor tensor(Shape shape, const std::vector<T>& values) {
  return Tensor::from<T>(std::move(shape), std::span<const T>(values));
}
template <typename T>
Tensor list(const std::vector<T>& values) {
  return tensor<T>({static_cast<std::int64_t>(values.size())}, values);
}
inline Tensor ints(const std::vector<std::int64_t>& values) { return list<std::int64_t>(values); }
inline Tensor floats(const std::vector<float>& values) { return list<float>(values); }
inline Tensor bools(Shape shape, const std::vector<std::uint8_t>& values) {
  Tensor result(DataType::kBool, std::move(shape));
  std::copy(values.begin(), values.end(), result.data<std::uint8_t>().begin());
  return result;
}
// 0, 1, 2, …
inline Tensor counting(Shape shape) {
  Tensor result(DataType::kFloat32, std::move(shape));
  float next = 0;
  for (float& value : result.data<float>()) value = next++;
  return result;
}

template <typename T>
std::vector<T> values(const Tensor& from) {
  const std::span<const T> span = from.data<T>();
  return {span.begin(), span.end()};
}

inline Node node_of(OpKind kind, std::size_t inputs, const NamedAttributes& attributes,
                    std::size_t outputs) {
  Node node;
  node.op = kind;
  node.name = "tested";
  for (const auto& [name, value] : attributes) node.attributes.set(name, value);
  for (std::size_t i = 0; i < inputs + outputs; ++i) {
    (i < inputs ? node.inputs : node.outputs).push_back(static_cast<ValueId>(i));
  }
  return node;
}

using OptionalTensors = std::vector<std::optional<Tensor>>;

inline Result<std::vector<Tensor>> run_all(OpKind kind, const OptionalTensors& inputs,
                                           const NamedAttributes& attributes = {},
                                           std::size_t outputs = 1) {
  std::vector<const Tensor*> pointers;
  for (const auto& input : inputs) pointers.push_back(input ? &*input : nullptr);
  return evaluate_node(node_of(kind, inputs.size(), attributes, outputs), pointers);
}

// The first output.
inline Result<Tensor> run(OpKind kind, const OptionalTensors& inputs,
                          const NamedAttributes& attributes = {}, std::size_t outputs = 1) {
  QUANT_TRY_ASSIGN(std::vector<Tensor> all, run_all(kind, inputs, attributes, outputs));
  return all.at(0);
}

// The inferred type of the first output where only the inputs with a tensor in `constants` are
// known.
inline Result<TensorType> infer(OpKind kind, const std::vector<TensorType>& types,
                                OptionalTensors constants = {},
                                const NamedAttributes& attributes = {}, std::size_t outputs = 1) {
  constants.resize(types.size());
  const Node node = node_of(kind, types.size(), attributes, outputs);
  NodeContext context{node, {}, {}};
  for (std::size_t i = 0; i < types.size(); ++i) {
    context.types.push_back(&types[i]);
    context.constants.push_back(constants[i] ? &*constants[i] : nullptr);
  }
  QUANT_TRY_ASSIGN(std::vector<TensorType> inferred, find_operator(kind)->infer(context));
  return inferred.at(0);
}

// Runs a node that was prepared while the inputs' values were still unknown.
inline Result<Tensor> run_late(OpKind kind, const std::vector<Tensor>& inputs,
                               const NamedAttributes& attributes = {}, std::size_t outputs = 1) {
  const Node node = node_of(kind, inputs.size(), attributes, outputs);
  std::vector<TensorType> types;
  for (const Tensor& input : inputs) types.push_back({input.type(), input.shape()});
  NodeContext context{node, {}, std::vector<const Tensor*>(inputs.size(), nullptr)};
  std::vector<const Tensor*> pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    context.types.push_back(&types[i]);
    pointers.push_back(&inputs[i]);
  }
  QUANT_TRY_ASSIGN(std::unique_ptr<PreparedNode> prepared, prepare_node(context));
  std::vector<Tensor> results;
  QUANT_TRY(prepared->run(pointers, results));
  return results.at(0);
}

}  // namespace quant::test
