// SPDX-License-Identifier: MIT
#include "quant/onnx/graph_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "quant/graph/operator.h"
#include "quant/onnx/folded_params.h"

namespace quant {
namespace {

// A result may be larger than its inputs (ConstantOfShape, Expand, Tile) up to this size …
constexpr std::size_t kMaxGrownBytes = std::size_t{1} << 26;
// … or by this factor (int8 weights dequantized grow fourfold), …
constexpr std::size_t kMaxGrowth = 8;
// … and all folded results together up to this. What passes a limit stays a node: slower, never
// wrong.
constexpr std::size_t kMaxFoldedBytes = std::size_t{1} << 31;
// Einsum's work is the product of all its index ranges, which no output size bounds.
constexpr std::int64_t kMaxEinsumWork = std::int64_t{1} << 28;

std::int64_t product_of_sizes(const Graph& graph, const Node& node) {
  std::int64_t product = 1;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const std::int64_t count = std::max<std::int64_t>(1, graph.value(id).constant->elements());
    if (count > kMaxEinsumWork / product) return kMaxEinsumWork;
    product *= count;
  }
  return product;
}

// The data decides how large the result is, but it is never much larger than the inputs.
bool chooses_elements(OpKind op) {
  return op == OpKind::kNonZero || op == OpKind::kCompress || op == OpKind::kNonMaxSuppression;
}

}  // namespace

ValueId GraphBuilder::find(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? kNoValue : found->second;
}

const Tensor* GraphBuilder::constant(ValueId id) const {
  if (id == kNoValue) return nullptr;
  const auto& tensor = graph_.value(id).constant;
  return tensor ? &*tensor : nullptr;
}

ValueId GraphBuilder::add_input(Value value) {
  const std::string name = value.name;
  const ValueId id = graph_.add_value(std::move(value));
  graph_.inputs.push_back(id);
  bind(name, id);
  return id;
}

ValueId GraphBuilder::add_initializer(const std::string& name, Tensor tensor) {
  const ValueId id = graph_.add_constant(name, std::move(tensor));
  bind(name, id);
  return id;
}

ValueId GraphBuilder::add_constant(const std::string& hint, Tensor tensor) {
  return add_initializer(names_.unique(hint), std::move(tensor));
}

Result<std::vector<ValueId>> GraphBuilder::add_node(NodeSpec spec) {
  Node node;
  node.op = spec.op;
  node.name = spec.onnx_name;
  node.original_names = {spec.onnx_name};
  node.inputs = std::move(spec.inputs);
  node.attributes = std::move(spec.attributes);
  while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
  while (!spec.outputs.empty() && spec.outputs.back().empty()) spec.outputs.pop_back();
  for (const std::string& name : spec.outputs) {
    if (name.empty()) {
      node.outputs.push_back(kNoValue);
      continue;
    }
    Value value;
    value.name = name;
    node.outputs.push_back(graph_.add_value(std::move(value)));
    bind(name, node.outputs.back());
  }
  std::vector<ValueId> outputs = node.outputs;
  QUANT_TRY(infer_node(graph_, node));
  if (fold_shape(node)) return outputs;
  if (is_foldable(node)) {
    QUANT_TRY(fold(node));
    return outputs;
  }
  graph_.nodes.push_back(std::move(node));
  return outputs;
}

Result<ValueId> GraphBuilder::add_inner_node(NodeSpec spec, const std::string& hint) {
  spec.outputs = {names_.unique(hint)};
  QUANT_TRY_ASSIGN(const std::vector<ValueId> outputs, add_node(std::move(spec)));
  return outputs.front();
}

bool GraphBuilder::is_foldable(const Node& node) const {
  std::size_t input_bytes = 0;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    if (constant(id) == nullptr) return false;
    input_bytes += constant(id)->bytes();
  }
  if (node.op == OpKind::kEinsum && product_of_sizes(graph_, node) >= kMaxEinsumWork) return false;
  std::size_t output_bytes = 0;
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const Value& output = graph_.value(id);
    if (!is_static(output.shape)) {
      if (!chooses_elements(node.op)) return false;
      continue;
    }
    output_bytes += static_cast<std::size_t>(element_count(output.shape)) * size_of(output.type);
  }
  if (output_bytes > std::max(input_bytes * kMaxGrowth, kMaxGrownBytes)) return false;
  return folded_bytes_ + output_bytes <= kMaxFoldedBytes;
}

Status GraphBuilder::fold(const Node& node) {
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(constant(id));
  QUANT_TRY_ASSIGN(std::vector<Tensor> results, evaluate_node(node, inputs));
  if (results.size() < node.outputs.size()) {
    return fail(ErrorCode::kInternal, "made fewer outputs than it inferred", node.name);
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    Value& value = graph_.value(node.outputs[i]);
    folded_bytes_ += results[i].bytes();
    value.type = results[i].type();
    value.shape = results[i].shape();
    value.constant = std::move(results[i]);
  }
  if (!node.outputs.empty() && node.outputs[0] != kNoValue)
    graph_.value(node.outputs[0]).quant = folded_params(graph_, node);
  return {};
}

// Shape and Size of a tensor whose sizes are known, whatever its elements will be.
bool GraphBuilder::fold_shape(const Node& node) {
  if ((node.op != OpKind::kShape && node.op != OpKind::kSize) || node.inputs.empty() ||
      node.inputs.front() == kNoValue || node.outputs.empty()) {
    return false;
  }
  const Shape& shape = graph_.value(node.inputs.front()).shape;
  const auto rank = static_cast<std::int64_t>(shape.size());
  const auto clamped = [&](std::int64_t axis) {
    return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  Tensor result;
  if (node.op == OpKind::kShape) {
    const std::int64_t start = clamped(node.attributes.integer("start", 0));
    const std::int64_t end = std::max(start, clamped(node.attributes.integer("end", rank)));
    const Shape part(shape.begin() + start, shape.begin() + end);
    if (!is_static(part)) return false;
    result = int64_vector(part);
  } else {
    if (!is_static(shape)) return false;
    result = Tensor::scalar<std::int64_t>(element_count(shape));
  }
  Value& value = graph_.value(node.outputs.front());
  value.type = result.type();
  value.shape = result.shape();
  value.constant = std::move(result);
  return true;
}

Result<Graph> GraphBuilder::finish(const std::vector<std::string>& outputs) {
  // Names that stay: those of inputs and of values that an output has under their own name.
  std::unordered_set<ValueId> fixed(graph_.inputs.begin(), graph_.inputs.end());
  std::unordered_set<std::string> seen;
  for (const std::string& name : outputs) {
    const ValueId id = find(name);
    if (id == kNoValue) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the graph output '{}' is never made", name));
    }
    if (!seen.insert(name).second) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the graph output '{}' is listed twice", name));
    }
    if (graph_.value(id).name == name) fixed.insert(id);
  }
  for (const std::string& name : outputs) {
    const ValueId id = find(name);
    if (graph_.value(id).name == name) {
      graph_.outputs.push_back(id);
    } else if (fixed.insert(id).second) {
      graph_.value(id).name = name;
      graph_.outputs.push_back(id);
    } else {
      graph_.outputs.push_back(copy_value(id, name));
    }
  }
  return std::move(graph_);
}

ValueId GraphBuilder::copy_value(ValueId id, const std::string& name) {
  Value target = graph_.value(id);
  target.name = name;
  const ValueId copy = graph_.add_value(std::move(target));
  if (graph_.value(id).constant) return copy;
  Node node;
  node.op = OpKind::kIdentity;
  node.name = name;
  node.original_names = {name};
  node.inputs = {id};
  node.outputs = {copy};
  graph_.nodes.push_back(std::move(node));
  return copy;
}

Tensor int64_vector(const std::vector<std::int64_t>& values) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

Tensor float_scalar(DataType type, float value) {
  if (type == DataType::kFloat64) return Tensor::scalar(static_cast<double>(value));
  return Tensor::scalar(value);
}

std::vector<std::int64_t> to_int64(const Tensor& tensor) {
  if (tensor.type() == DataType::kInt64) {
    const auto values = tensor.data<std::int64_t>();
    return {values.begin(), values.end()};
  }
  if (tensor.type() == DataType::kInt32) {
    const auto values = tensor.data<std::int32_t>();
    return {values.begin(), values.end()};
  }
  return {};
}

}  // namespace quant
