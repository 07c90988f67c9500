// SPDX-License-Identifier: MIT
#include "quant/optimize/split_channels.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "quant/optimize/channel_classes.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/own_constant.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

constexpr std::size_t kBias = 2;  // input of Conv and InstanceNormalization

// What a layer's copies take with them.
struct Reach {
  std::set<std::size_t> copied;   // nodes with copies of their own, the layer too
  std::set<std::size_t> readers;  // convolutions that read all copies
};

bool makes_channels(const Graph& graph, const Node& node) {
  if (is_plain_convolution(graph, node)) return true;
  if (node.op != OpKind::kInstanceNormalization) return false;
  return graph.value(node.inputs[1]).constant && graph.value(node.inputs[kBias]).constant;
}

// Whether what it makes of the mean of some tensors is the mean of what it makes of each, or
// nearly.
bool keeps_means(const Graph& graph, const Node& node) {
  const IntegerForm form = integer_form(graph, node);
  return form == IntegerForm::kPointwise || form == IntegerForm::kMovement ||
         node.op == OpKind::kAveragePool || node.op == OpKind::kConcat;
}

std::optional<Reach> reach_of(const Graph& graph, std::size_t maker) {
  if (!makes_channels(graph, graph.nodes[maker])) return std::nullopt;
  Reach reach;
  std::set<ValueId> copied;
  const auto copy = [&](std::size_t index) {
    reach.copied.insert(index);
    for (const ValueId id : graph.nodes[index].outputs) copied.insert(id);
  };
  copy(maker);
  for (std::size_t index = maker + 1; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    const std::vector<ValueId> read = activation_inputs(graph, node);
    const auto count =
        std::count_if(read.begin(), read.end(), [&](ValueId id) { return copied.contains(id); });
    if (count == 0) continue;
    if (count != static_cast<std::ptrdiff_t>(read.size())) return std::nullopt;
    if (is_plain_convolution(graph, node) && node.attributes.integer("group", 1) == 1) {
      reach.readers.insert(index);
    } else if (keeps_means(graph, node)) {
      copy(index);
    } else {
      return std::nullopt;
    }
  }
  const bool ends = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                [&](ValueId id) { return copied.contains(id); });
  if (ends || reach.readers.empty()) return std::nullopt;
  return reach;
}

// The first copy is what was there.
std::string copy_name(const std::string& name, int number) {
  return number == 1 ? name : fmt::format("{}_copy{}", name, number);
}

class Splitting {
 public:
  Splitting(PlannedNetwork network, const ChannelSplit& split, Reach reach)
      : from_(std::move(network)), split_(split), reach_(std::move(reach)) {
    to_ = from_;
    to_.graph.nodes.clear();
    to_.plan.layers.clear();
  }

  PlannedNetwork run() {
    for (std::size_t index = 0; index < from_.graph.nodes.size(); ++index) {
      if (reach_.readers.contains(index)) {
        add(index, reader(index));
      } else if (reach_.copied.contains(index)) {
        for (int number = 1; number <= split_.copies; ++number) add(index, copy(index, number));
      } else {
        add(index, from_.graph.nodes[index]);
      }
    }
    return std::move(to_);
  }

 private:
  void add(std::size_t index, Node node) {
    if (!from_.plan.layers.empty()) to_.plan.layers.push_back(from_.plan.layers[index]);
    to_.graph.nodes.push_back(std::move(node));
  }

  // A value like `id`, of the name.
  ValueId add_value(ValueId id, std::string name, Shape shape) {
    Value value = from_.graph.value(id);
    value.name = std::move(name);
    value.shape = std::move(shape);
    to_.ranges.push_back(to_.ranges[static_cast<std::size_t>(id)]);
    return to_.graph.add_value(std::move(value));
  }
  ValueId add_constant(const std::string& name, Tensor tensor) {
    to_.ranges.emplace_back();
    return to_.graph.add_constant(name, std::move(tensor));
  }

  Node copy(std::size_t index, int number) {
    Node node = from_.graph.nodes[index];
    node.name = copy_name(node.name, number);
    for (ValueId& id : node.inputs) {
      const auto copies = copies_.find(id);
      if (copies != copies_.end()) id = copies->second[static_cast<std::size_t>(number - 1)];
    }
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      const ValueId original = id;
      if (number > 1) {
        const Value& value = from_.graph.value(original);
        id = add_value(original, copy_name(value.name, number), value.shape);
      }
      copies_[original].push_back(id);
    }
    return node;
  }

  // A convolution reads the copies side by side, each through its part of the weights.
  Node reader(std::size_t index) {
    Node node = from_.graph.nodes[index];
    const Tensor& weights = *from_.graph.value(node.inputs[1]).constant;
    const auto copies = static_cast<std::size_t>(split_.copies);
    const auto outputs = static_cast<std::size_t>(weights.shape()[0]);
    const auto source = weights.data<float>();
    const std::size_t each = source.size() / outputs;
    Shape shape = weights.shape();
    shape[1] *= split_.copies;
    Tensor parts(DataType::kFloat32, shape, BufferFill::kUndefined);
    const auto part = parts.data<float>();
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::size_t output = i / (each * copies);
      part[i] = source[output * each + i % each] / static_cast<float>(split_.copies);
    }
    node.inputs[1] = add_constant(node.name + "/of_copies", std::move(parts));
    node.inputs[0] = joined(node.inputs[0]);
    return node;
  }

  // All copies of a value along the channels; made where it is first read.
  ValueId joined(ValueId id) {
    const auto known = joined_.find(id);
    if (known != joined_.end()) return known->second;
    const Value& value = from_.graph.value(id);
    Shape shape = value.shape;
    shape[1] *= split_.copies;
    Node node;
    node.op = OpKind::kConcat;
    node.name = fmt::format("{}_copies{}", split_.layer,
                            joined_.empty() ? "" : fmt::format("{}", joined_.size() + 1));
    node.inputs = copies_.at(id);
    node.outputs = {add_value(id, value.name + "_copies", std::move(shape))};
    node.attributes.set("axis", std::int64_t{1});
    add(*producers_[static_cast<std::size_t>(id)], node);
    return joined_[id] = node.outputs[0];
  }

  PlannedNetwork from_;
  const ChannelSplit& split_;
  Reach reach_;
  const std::vector<std::optional<std::size_t>> producers_ = producers(from_.graph);
  PlannedNetwork to_;
  std::map<ValueId, std::vector<ValueId>> copies_;  // the value itself first
  std::map<ValueId, ValueId> joined_;
};

std::optional<std::size_t> find_node(const Graph& graph, const std::string& name) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                  [&](const Node& node) { return node.name == name; });
  if (found == graph.nodes.end()) return std::nullopt;
  return static_cast<std::size_t>(found - graph.nodes.begin());
}

void add_to_bias(Graph& graph, Node& node, double shift) {
  node.inputs.resize(std::max(node.inputs.size(), kBias + 1), kNoValue);
  if (node.inputs[kBias] == kNoValue) {
    const std::int64_t outputs = graph.value(node.outputs[0]).shape[1];
    node.inputs[kBias] =
        graph.add_constant(node.name + "/bias", Tensor(DataType::kFloat32, {outputs}));
  }
  for (float& value : own_constant(graph, node, kBias).data<float>())
    value += static_cast<float>(shift);
}

}  // namespace

bool can_split(const Graph& graph, std::size_t node) { return reach_of(graph, node).has_value(); }

Result<PlannedNetwork> split_channels(const PlannedNetwork& network,
                                      std::span<const ChannelSplit> splits) {
  PlannedNetwork result = network;
  for (const ChannelSplit& split : splits) {
    const auto maker = find_node(result.graph, split.layer);
    if (!maker)
      return fail(ErrorCode::kInvalidArgument, fmt::format("there is no layer '{}'", split.layer));
    auto reach = reach_of(result.graph, *maker);
    if (!reach || split.copies < 2) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("layer '{}' cannot be split", split.layer));
    }
    result = Splitting(std::move(result), split, std::move(*reach)).run();
    shift_copies(result.graph, split);
    result.ranges.resize(result.graph.values.size());
  }
  return result;
}

void shift_copies(Graph& graph, const ChannelSplit& split) {
  for (int number = 1; number <= split.copies; ++number) {
    const auto node = find_node(graph, copy_name(split.layer, number));
    const double part = (number - 0.5 * (split.copies + 1)) / split.copies;
    if (node) add_to_bias(graph, graph.nodes[*node], part * split.step);
  }
}

double step_of(const Graph& network, std::size_t node, const Graph& integer) {
  const Topology topology(network);
  for (std::optional<std::size_t> at = node; at;) {
    const ValueId id = network.nodes[*at].outputs[0];
    const auto made = integer.find_value(network.value(id).name);
    if (made) {
      const auto& params = integer.value(*made).quant;
      const bool has_8_bits = params && size_of(params->type) == 1;
      return has_8_bits ? params->scale.front() : 0;
    }
    at = topology.only_reader(id);
  }
  return 0;
}

std::vector<ChannelSplit> splits_of(const Graph& network, const Graph& integer) {
  std::vector<ChannelSplit> result;
  for (std::size_t index = 0; index < network.nodes.size(); ++index) {
    const std::string& layer = network.nodes[index].name;
    int copies = 1;
    while (find_node(integer, copy_name(layer, copies + 1))) ++copies;
    // What it hands on has copies, too.
    if (copies > 1 && makes_channels(network, network.nodes[index]))
      result.push_back({layer, copies, step_of(network, index, integer)});
  }
  return result;
}

}  // namespace quant
