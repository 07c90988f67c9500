// SPDX-License-Identifier: MIT
#include "quant/optimize/share_params.h"

#include <algorithm>

#include "quant/optimize/choose_params.h"
#include "quant/optimize/disjoint_sets.h"
#include "quant/optimize/integer_form.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

// Disjoint sets of values, each with its fixed parameters where one of its members has some.
class Classes {
 public:
  explicit Classes(const std::vector<std::optional<QuantParams>>& fixed)
      : sets_(fixed.size()), params_(fixed) {}
  std::size_t find(std::size_t id) { return sets_.find(id); }
  // Of the set with this root.
  std::optional<QuantParams>& params(std::size_t root) { return params_[root]; }
  // Whether they are one set now: not where their fixed parameters differ.
  bool join(ValueId a, ValueId b) {
    const std::size_t root = find(static_cast<std::size_t>(a));
    const std::size_t other = find(static_cast<std::size_t>(b));
    if (params_[root] && params_[other] && *params_[root] != *params_[other]) return false;
    const std::optional<QuantParams> params = params_[root] ? params_[root] : params_[other];
    sets_.join(root, other);
    params_[find(root)] = params;
    return true;
  }

 private:
  DisjointSets sets_;
  std::vector<std::optional<QuantParams>> params_;
};

}  // namespace

SharedParams share_params(const Graph& graph, const std::vector<bool>& host,
                          const PointwiseChains& chains, const std::vector<Range>& ranges,
                          const std::vector<int>& bits,
                          const std::vector<std::optional<QuantParams>>& fixed) {
  const auto same_bits = [&](ValueId a, ValueId b) {
    return bits[static_cast<std::size_t>(a)] == bits[static_cast<std::size_t>(b)];
  };
  const Topology topology(graph);
  Classes classes(fixed);
  std::vector<bool> moved(graph.values.size(), false);
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    if (host[index] || integer_form(graph, node) != IntegerForm::kMovement) continue;
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) continue;
      moved[static_cast<std::size_t>(output)] = classes.join(node.inputs[0], output);
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
  const auto each_activation = [&](const auto& visit) {
    for (std::size_t id = 0; id < graph.values.size(); ++id) {
      const Value& value = graph.values[id];
      if (!value.constant && value.type == DataType::kFloat32 &&
          chains.is_materialized(static_cast<ValueId>(id)))
        visit(id);
    }
  };
  SharedParams result;
  const auto on_host = [&](ValueId id) {
    const auto producer = topology.producer(id);
    return producer && host[*producer];
  };
  each_activation([&](std::size_t id) {
    if (moved[id]) return;
    if (!classes.params(classes.find(id)) && !on_host(static_cast<ValueId>(id)))
      result.from_ranges.push_back(static_cast<ValueId>(id));
    auto& range = class_range[classes.find(id)];
    range = range
                ? Range{std::min(range->min, ranges[id].min), std::max(range->max, ranges[id].max)}
                : ranges[id];
  });
  result.params.resize(graph.values.size());
  each_activation([&](std::size_t id) {
    const std::size_t root = classes.find(id);
    std::optional<QuantParams>& params = classes.params(root);
    if (!params)
      params = activation_params(class_range[root].value_or(ranges[id]),
                                 bits[id] == 16 ? DataType::kUint16 : DataType::kUint8);
    result.params[id] = params;
  });
  return result;
}

}  // namespace quant
