// SPDX-License-Identifier: MIT
#include "quant/optimize/element_labels.h"

#include <algorithm>

#include "quant/graph/operator.h"
#include "quant/optimize/integer_form.h"

namespace quant {
namespace {

// Up to here float32 counts elements exactly.
constexpr std::int64_t kMostElements = std::int64_t{1} << 24;

// `label` of an element that had none or the same.
bool give(std::int32_t label, std::int32_t& element) {
  if (label == kNoLabel) return true;
  if (element != kNoLabel && element != label) return false;
  element = label;
  return true;
}

}  // namespace

bool moves_elements(const Graph& graph, const Node& node) {
  switch (node.op) {
    case OpKind::kConcat:
      return activation_inputs(graph, node).size() == node.inputs.size();
    case OpKind::kIdentity:
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kTranspose:
    case OpKind::kSlice:
    case OpKind::kSplit:
    case OpKind::kGather:
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToDepth:
      return integer_form(graph, node) == IntegerForm::kMovement;
    default:  // the others compute, or put in elements of their own
      return false;
  }
}

bool is_moved(const Graph& graph, const Topology& topology, ValueId id) {
  const auto producer = topology.producer(id);
  return producer && moves_elements(graph, graph.nodes[*producer]);
}

ElementLabels labels_by_axis(const Shape& shape, std::size_t axis) {
  ElementLabels labels(static_cast<std::size_t>(element_count(shape)));
  const auto inner = static_cast<std::size_t>(row_major_strides(shape)[axis]);
  const auto count = static_cast<std::size_t>(shape[axis]);
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i] = static_cast<std::int32_t>(i / inner % count);
  return labels;
}

std::optional<std::vector<ElementLabels>> labels_before(const Graph& graph, const Node& node,
                                                        std::span<const ElementLabels> outputs) {
  if (!moves_elements(graph, node)) return std::nullopt;
  // The node itself says where elements go: it moves their numbers.
  std::vector<Tensor> numbers;
  std::vector<ElementLabels> result(node.inputs.size());
  std::int64_t next = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    Tensor tensor;
    if (node.inputs[i] != kNoValue) {
      const Value& value = graph.value(node.inputs[i]);
      if (value.constant) {
        tensor = *value.constant;
      } else {
        const std::int64_t count = element_count(value.shape);
        if (next + count > kMostElements) return std::nullopt;
        tensor = Tensor(DataType::kFloat32, value.shape, BufferFill::kUndefined);
        for (float& number : tensor.data<float>()) number = static_cast<float>(next++);
        result[i].assign(static_cast<std::size_t>(count), kNoLabel);
      }
    }
    numbers.push_back(std::move(tensor));
  }
  std::vector<const Tensor*> inputs;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    inputs.push_back(node.inputs[i] == kNoValue ? nullptr : &numbers[i]);
  auto moved = evaluate_node(node, inputs);
  if (!moved) return std::nullopt;

  std::vector<std::int32_t> of_number(static_cast<std::size_t>(next), kNoLabel);
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (outputs[o].empty()) continue;
    const auto sources = std::as_const((*moved)[o]).data<float>();
    if (sources.size() != outputs[o].size()) return std::nullopt;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (!give(outputs[o][i], of_number[static_cast<std::size_t>(sources[i])]))
        return std::nullopt;
    }
  }
  auto from = of_number.begin();
  for (ElementLabels& labels : result) {
    const auto end = from + static_cast<std::ptrdiff_t>(labels.size());
    std::copy(from, end, labels.begin());
    from = end;
  }
  return result;
}

bool add_labels(const ElementLabels& more, ElementLabels& labels) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!give(more[i], labels[i])) return false;
  }
  return true;
}

std::optional<std::vector<std::int32_t>> labels_along(const ElementLabels& labels,
                                                      const Shape& shape, std::size_t axis) {
  std::vector<std::int32_t> along(static_cast<std::size_t>(shape[axis]), kNoLabel);
  const auto inner = static_cast<std::size_t>(row_major_strides(shape)[axis]);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!give(labels[i], along[i / inner % along.size()])) return std::nullopt;
  }
  return along;
}

}  // namespace quant
