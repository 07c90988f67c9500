// SPDX-License-Identifier: MIT
#include "quant/optimize/channel_classes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "quant/optimize/disjoint_sets.h"
#include "quant/optimize/element_labels.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

constexpr std::size_t kChannelAxis = 1;
constexpr std::size_t kFixed = 0;  // the element that stands for all that is fixed

// f(s·x) = s·f(x) for every s > 0, channel by channel, with one activation in and one out.
bool passes_scale_on(const Node& node) {
  switch (node.op) {
    case OpKind::kRelu:
    case OpKind::kLeakyRelu:
    case OpKind::kPRelu:
    case OpKind::kMaxPool:
    case OpKind::kAveragePool:
    case OpKind::kGlobalAveragePool:
    case OpKind::kIdentity:
      return true;
    case OpKind::kResize:  // beyond the border a crop has a value of its own
      return node.attributes.text("coordinate_transformation_mode") != "tf_crop_and_resize";
    default:
      return false;
  }
}

class Search {
 public:
  explicit Search(const Graph& graph)
      : graph_(graph), topology_(graph), first_(first_elements(graph)), sets_(first_.back()) {}

  ChannelClasses run(const std::vector<ValueId>& untouched) {
    for (const auto& ids : {graph_.inputs, graph_.outputs, untouched}) {
      for (const ValueId id : ids) fix(id);
    }
    for (const Node& node : graph_.nodes) pass(node);
    // Behind all others: whether a source is fixed anyway is known then.
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      if (moves_elements(graph_, graph_.nodes[index])) move(index);
    }
    return classes();
  }

 private:
  // Of channel 0 of every value, kFixed of what is no feature map; and how many there are.
  static std::vector<std::size_t> first_elements(const Graph& graph) {
    std::vector<std::size_t> first;
    std::size_t next = kFixed + 1;
    for (const Value& value : graph.values) {
      first.push_back(is_feature_map(value) ? next : kFixed);
      if (is_feature_map(value)) next += static_cast<std::size_t>(value.shape[kChannelAxis]);
    }
    first.push_back(next);
    return first;
  }
  static bool is_feature_map(const Value& value) {
    return !value.constant && value.type == DataType::kFloat32 && value.shape.size() == 4 &&
           value.shape[kChannelAxis] > 0;
  }

  std::size_t element(ValueId id, std::size_t channel) const {
    const std::size_t first = first_[static_cast<std::size_t>(id)];
    return first == kFixed ? kFixed : first + channel;
  }
  std::size_t channels(ValueId id) const {
    return static_cast<std::size_t>(graph_.value(id).shape[kChannelAxis]);
  }
  bool is_mapped(ValueId id) const {
    return id != kNoValue && first_[static_cast<std::size_t>(id)] != kFixed;
  }
  void fix(ValueId id) {
    if (!is_mapped(id)) return;
    for (std::size_t c = 0; c < channels(id); ++c) sets_.join(kFixed, element(id, c));
  }
  void fix_around(const Node& node) {
    for (const ValueId id : node.inputs) fix(id);
    for (const ValueId id : node.outputs) fix(id);
  }
  bool is_fixed(ValueId id) {
    if (!is_mapped(id)) return true;
    for (std::size_t c = 0; c < channels(id); ++c) {
      if (sets_.find(element(id, c)) != kFixed) return false;
    }
    return true;
  }
  bool can_join(ValueId a, ValueId b) const {
    return is_mapped(a) && is_mapped(b) && channels(a) == channels(b);
  }
  void join_values(ValueId a, ValueId b) {
    for (std::size_t c = 0; c < channels(a); ++c) sets_.join(element(a, c), element(b, c));
  }

  void pass(const Node& node) {
    if (is_plain_convolution(graph_, node) || moves_elements(graph_, node)) return;
    const ValueId input = node.inputs.empty() ? kNoValue : node.inputs[0];
    const ValueId output = node.outputs[0];
    if (passes_scale_on(node) && can_join(input, output)) return join_values(input, output);
    const bool is_sum = (node.op == OpKind::kAdd || node.op == OpKind::kSub) &&
                        can_join(node.inputs[0], node.inputs[1]) &&
                        graph_.value(node.inputs[0]).shape == graph_.value(node.inputs[1]).shape;
    if (is_sum && can_join(input, output)) {
      join_values(node.inputs[0], node.inputs[1]);
      return join_values(input, output);
    }
    fix_around(node);
  }

  bool is_only_moved_on(ValueId id) const {
    const auto& readers = topology_.readers(id);
    return !topology_.is_output(id) &&
           std::all_of(readers.begin(), readers.end(), [&](std::size_t reader) {
             return moves_elements(graph_, graph_.nodes[reader]);
           });
  }

  // Moved tensors that something else than movement reads are followed back to where their elements
  // are made. What only movement reads is not looked at: it may have five axes.
  void move(std::size_t index) {
    for (const ValueId output : graph_.nodes[index].outputs) {
      if (output == kNoValue || is_only_moved_on(output) || join_sources(output)) continue;
      fix(output);
      for (const ValueId source : sources(output)) fix(source);
    }
  }

  // What the elements of a moved value come from.
  std::vector<ValueId> sources(ValueId moved) const {
    std::vector<ValueId> open = {moved};
    std::vector<ValueId> found;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (!is_moved(graph_, topology_, open[i])) {
        found.push_back(open[i]);
        continue;
      }
      for (const ValueId id : graph_.nodes[*topology_.producer(open[i])].inputs) {
        const bool is_new = std::find(open.begin(), open.end(), id) == open.end();
        if (id != kNoValue && !graph_.value(id).constant && is_new) open.push_back(id);
      }
    }
    return found;
  }

  // Whether every channel of `moved` comes from whole channels.
  bool join_sources(ValueId moved) {
    if (!is_mapped(moved)) return false;
    const std::vector<ValueId> from = sources(moved);
    if (std::all_of(from.begin(), from.end(), [&](ValueId id) { return is_fixed(id); }))
      return false;
    std::map<ValueId, ElementLabels> open;
    open[moved] = labels_by_axis(graph_.value(moved).shape, kChannelAxis);
    for (std::size_t index = *topology_.producer(moved) + 1; index-- > 0;) {
      const Node& node = graph_.nodes[index];
      const bool is_on_the_way = std::any_of(node.outputs.begin(), node.outputs.end(),
                                             [&](ValueId id) { return open.contains(id); }) &&
                                 moves_elements(graph_, node);
      if (!is_on_the_way) continue;
      std::vector<ElementLabels> outputs(node.outputs.size());
      for (std::size_t i = 0; i < outputs.size(); ++i) {
        auto labels = open.extract(node.outputs[i]);
        if (labels) outputs[i] = std::move(labels.mapped());
      }
      auto inputs = labels_before(graph_, node, outputs);
      if (!inputs) return false;
      for (std::size_t i = 0; i < inputs->size(); ++i) {
        if ((*inputs)[i].empty()) continue;
        ElementLabels& labels = open[node.inputs[i]];
        if (labels.empty()) {
          labels = std::move((*inputs)[i]);
        } else if (!add_labels((*inputs)[i], labels)) {
          return false;
        }
      }
    }
    return std::all_of(open.begin(), open.end(), [&](const auto& source) {
      return join_labels(moved, source.first, source.second);
    });
  }

  bool join_labels(ValueId moved, ValueId source, const ElementLabels& labels) {
    const Shape& shape = graph_.value(source).shape;
    if (!is_mapped(source)) return false;
    const auto along = labels_along(labels, shape, kChannelAxis);
    if (!along) return false;
    for (std::size_t c = 0; c < along->size(); ++c) {
      const std::int32_t label = (*along)[c];
      if (label != kNoLabel)
        sets_.join(element(source, c), element(moved, static_cast<std::size_t>(label)));
    }
    return true;
  }

  ChannelClasses classes() {
    ChannelClasses result;
    result.of.resize(graph_.values.size());
    std::vector<std::int32_t> number(first_.back(), kFixedScale);
    for (std::size_t id = 0; id < result.of.size(); ++id) {
      const auto value = static_cast<ValueId>(id);
      if (is_fixed(value) || (is_moved(graph_, topology_, value) && is_only_moved_on(value)))
        continue;
      for (std::size_t c = 0; c < channels(value); ++c) {
        const std::size_t root = sets_.find(element(value, c));
        if (root != kFixed && number[root] == kFixedScale)
          number[root] = static_cast<std::int32_t>(result.count++);
        result.of[id].push_back(number[root]);
      }
    }
    return result;
  }

  const Graph& graph_;
  const Topology topology_;
  const std::vector<std::size_t> first_;  // by ValueId: element of channel 0; then their number
  DisjointSets sets_;  // its roots are the least: kFixed, and the order of values
};

}  // namespace

bool is_plain_convolution(const Graph& graph, const Node& node) {
  return node.op == OpKind::kConv && graph.value(node.inputs[0]).shape.size() == 4 &&
         graph.value(node.inputs[1]).constant.has_value() &&
         (node.inputs.size() < 3 || node.inputs[2] == kNoValue ||
          graph.value(node.inputs[2]).constant.has_value());
}

ChannelClasses channel_classes(const Graph& graph, const std::vector<ValueId>& untouched) {
  return Search(graph).run(untouched);
}

}  // namespace quant
