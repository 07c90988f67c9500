// SPDX-License-Identifier: MIT
#include "quant/optimize/share_params.h"

#include <algorithm>
#include <numeric>

#include "quant/optimize/choose_params.h"
#include "quant/optimize/integer_form.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

// Disjoint sets of values.
class Classes {
 public:
  explicit Classes(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  std::size_t find(std::size_t id) {
    while (parent_[id] != id) id = parent_[id] = parent_[parent_[id]];
    return id;
  }
  void join(ValueId a, ValueId b) {
    parent_[find(static_cast<std::size_t>(b))] = find(static_cast<std::size_t>(a));
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace

std::vector<std::optional<QuantParams>> share_params(
    const Graph& graph, const std::vector<bool>& host, const PointwiseChains& chains,
    const std::vector<Range>& ranges, const std::vector<int>& bits,
    const std::vector<std::optional<QuantParams>>& fixed) {
  const auto same_bits = [&](ValueId a, ValueId b) {
    return bits[static_cast<std::size_t>(a)] == bits[static_cast<std::size_t>(b)];
  };
  const Topology topology(graph);
  Classes classes(graph.values.size());
  std::vector<bool> moved(graph.values.size(), false);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (host[index] || integer_form(graph, node) != IntegerForm::kMovement) continue;
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      classes.join(node.inputs[0], output);
      moved[static_cast<std::size_t>(output)] = true;
    }
  }
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (host[index] || node.op != OpKind::kConcat) continue;
    for (const ValueId input : node.inputs) {
      const bool computed_here = !graph.value(input).constant && topology.producer(input) &&
                                 !moved[static_cast<std::size_t>(input)];
      if (computed_here && topology.only_reader(input) && same_bits(node.outputs[0], input))
        classes.join(node.outputs[0], input);
    }
  }

  // The range of a class is that of its members that are computed: what is moved lies inside.
  std::vector<std::optional<Range>> class_range(graph.values.size());
  std::vector<std::optional<QuantParams>> class_params(graph.values.size());
  const auto each_activation = [&](const auto& visit) {
    for (std::size_t id = 0; id < graph.values.size(); ++id) {
      const Value& value = graph.values[id];
      if (!value.constant && value.type == DataType::kFloat32 &&
          chains.is_materialized(static_cast<ValueId>(id)))
        visit(id);
    }
  };
  each_activation([&](std::size_t id) {
    const std::size_t root = classes.find(id);
    if (fixed[id]) class_params[root] = fixed[id];
    if (moved[id]) return;
    auto& range = class_range[root];
    range = range
                ? Range{std::min(range->min, ranges[id].min), std::max(range->max, ranges[id].max)}
                : ranges[id];
  });
  std::vector<std::optional<QuantParams>> result(graph.values.size());
  each_activation([&](std::size_t id) {
    const std::size_t root = classes.find(id);
    if (!class_params[root])
      class_params[root] = activation_params(class_range[root].value_or(ranges[id]),
                                             bits[id] == 16 ? DataType::kUint16 : DataType::kUint8);
    result[id] = class_params[root];
  });
  return result;
}

}  // namespace quant
