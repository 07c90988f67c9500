// SPDX-License-Identifier: MIT
#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>

#include "quant/engine/float_rewrite.h"
#include "quant/graph/operators/picked.h"

namespace quant {
namespace {

// One channel of one image of a tensor that really is in memory.
struct Plane {
  ValueId source = kNoValue;
  std::int64_t channel = 0;
};
// A tensor as planes of equal size, in row-major order of its leading axes.
using Planes = std::vector<Plane>;

// (1, C, spatial…).
bool is_image(const Shape& shape) {
  return shape.size() >= 3 && is_static(shape) && shape[0] == 1 && element_count(shape) > 0;
}

// How many leading axes count the planes; nothing where a plane begins within an axis.
std::optional<std::size_t> leading_axes(const Shape& shape, std::size_t planes) {
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis <= shape.size(); ++axis) {
    if (count == static_cast<std::int64_t>(planes)) return axis;
    if (axis < shape.size()) count *= shape[axis];
  }
  return std::nullopt;
}

// An axis among those that count the planes: how often it comes, and how many planes one step is.
struct Along {
  std::int64_t outer = 1;
  std::int64_t size = 1;
  std::int64_t inner = 1;
};
std::optional<Along> along(const Shape& shape, std::size_t planes, std::int64_t axis) {
  const std::optional<std::size_t> leading = leading_axes(shape, planes);
  if (axis < 0) axis += static_cast<std::int64_t>(shape.size());
  if (!leading || axis < 0 || axis >= static_cast<std::int64_t>(*leading)) return std::nullopt;
  const auto at = shape.begin() + axis;
  const auto product = [](auto begin, auto end) {
    return std::accumulate(begin, end, std::int64_t{1}, std::multiplies<>());
  };
  const auto end = shape.begin() + static_cast<std::ptrdiff_t>(*leading);
  return Along{product(shape.begin(), at), *at, product(at + 1, end)};
}

class Picker {
 public:
  explicit Picker(FloatGraph& float_graph) : graph_(float_graph.graph) {}

  void run() {
    std::vector<Node> nodes = std::exchange(graph_.nodes, {});
    for (Node& node : nodes) {
      const std::vector<Planes> made = follow(node);
      for (std::size_t i = 0; i < made.size(); ++i) planes_[node.outputs[i]] = made[i];
      const bool picks = !made.empty() && made.size() == node.outputs.size() &&
                         std::ranges::all_of(node.outputs, [&](ValueId id) { return fits(id); });
      // A Concat of what is in memory, or a Split of it, is as good as what would replace it.
      if (!picks || reads_memory_only(node)) {
        graph_.nodes.push_back(std::move(node));
        continue;
      }
      for (const ValueId id : node.outputs) emit(node, id);
    }
  }

 private:
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }

  // Nothing where the value is no image and was not made from one by moving planes.
  std::optional<Planes> planes_of(ValueId id) const {
    if (const auto found = planes_.find(id); found != planes_.end()) return found->second;
    if (!is_image(shape(id))) return std::nullopt;
    Planes result;
    for (std::int64_t channel = 0; channel < shape(id)[1]; ++channel)
      result.push_back({id, channel});
    return result;
  }

  bool reads_memory_only(const Node& node) const {
    return (node.op == OpKind::kConcat || node.op == OpKind::kSplit) &&
           std::ranges::none_of(node.inputs, [&](ValueId id) { return planes_.contains(id); });
  }

  // Whether one Concat of the sources can make this value.
  bool fits(ValueId id) const {
    const auto found = planes_.find(id);
    if (found == planes_.end() || !is_image(shape(id))) return false;
    const Shape& wanted = shape(id);
    return static_cast<std::int64_t>(found->second.size()) == wanted[1] &&
           std::ranges::all_of(found->second, [&](const Plane& plane) {
             const Shape& given = shape(plane.source);
             return std::equal(given.begin() + 2, given.end(), wanted.begin() + 2, wanted.end());
           });
  }

  void emit(const Node& old, ValueId id) {
    Node node;
    node.name = old.name;
    node.original_names = old.original_names;
    node.outputs = {id};
    std::vector<std::int64_t> picked;
    for (const Plane& plane : planes_.at(id)) {
      const auto found = std::ranges::find(node.inputs, plane.source);
      picked.push_back(found - node.inputs.begin());
      if (found == node.inputs.end()) node.inputs.push_back(plane.source);
      picked.push_back(plane.channel);
    }
    const Planes& planes = planes_.at(id);
    bool whole = node.inputs.size() == 1 && shape(node.inputs[0]) == shape(id);
    for (std::size_t i = 0; whole && i < planes.size(); ++i)
      whole = planes[i].channel == static_cast<std::int64_t>(i);
    node.op = whole ? OpKind::kIdentity : OpKind::kConcat;
    if (!whole) {
      node.attributes.set("axis", std::int64_t{1});
      node.attributes.set(kPicked, std::move(picked));
    }
    graph_.nodes.push_back(std::move(node));
  }

  // The planes of every output; none where the node does more than move planes.
  std::vector<Planes> follow(const Node& node) const {
    if (node.inputs.empty() || node.inputs[0] == kNoValue ||
        std::ranges::any_of(node.outputs,
                            [&](ValueId id) { return id == kNoValue || !is_static(shape(id)); })) {
      return {};
    }
    const std::optional<Planes> first = planes_of(node.inputs[0]);
    if (!first) return {};
    if (node.op == OpKind::kReshape || node.op == OpKind::kFlatten || node.op == OpKind::kSqueeze ||
        node.op == OpKind::kUnsqueeze) {
      if (!leading_axes(shape(node.outputs[0]), first->size())) return {};
      return {*first};
    }
    if (node.op == OpKind::kTranspose) return transpose(node, *first);
    if (node.op == OpKind::kGather) return gather(node, *first);
    if (node.op == OpKind::kSplit) return split(node, *first);
    if (node.op == OpKind::kConcat) return concat(node);
    return {};
  }

  std::vector<Planes> transpose(const Node& node, const Planes& planes) const {
    const Shape& from = shape(node.inputs[0]);
    const Shape& to = shape(node.outputs[0]);
    const std::vector<std::int64_t> perm = node.attributes.integers("perm");
    const std::optional<std::size_t> leading = leading_axes(from, planes.size());
    if (!leading || perm.size() != from.size()) return {};
    for (std::size_t axis = *leading; axis < perm.size(); ++axis)
      if (perm[axis] != static_cast<std::int64_t>(axis)) return {};
    std::vector<std::int64_t> step(*leading, 1);  // in planes, of each axis of the input
    for (std::size_t axis = *leading; axis-- > 1;) step[axis - 1] = step[axis] * from[axis];
    Planes result;
    for (std::size_t place = 0; place < planes.size(); ++place) {
      auto rest = static_cast<std::int64_t>(place);
      std::int64_t source = 0;
      for (std::size_t axis = *leading; axis-- > 0; rest /= to[axis])
        source += rest % to[axis] * step[static_cast<std::size_t>(perm[axis])];
      result.push_back(planes[static_cast<std::size_t>(source)]);
    }
    return {result};
  }

  std::vector<Planes> gather(const Node& node, const Planes& planes) const {
    const std::optional<Along> axis =
        along(shape(node.inputs[0]), planes.size(), node.attributes.integer("axis", 0));
    const std::optional<Tensor>& indices = graph_.value(node.inputs[1]).constant;
    if (!axis || !indices || indices->type() != DataType::kInt64) return {};
    const std::span<const std::int64_t> steps = std::as_const(*indices).data<std::int64_t>();
    Planes result;
    for (std::int64_t outer = 0; outer < axis->outer; ++outer) {
      for (const std::int64_t step : steps) {
        if (step < -axis->size || step >= axis->size) return {};
        append(planes, (outer * axis->size + (step < 0 ? step + axis->size : step)) * axis->inner,
               axis->inner, result);
      }
    }
    return {result};
  }

  std::vector<Planes> split(const Node& node, const Planes& planes) const {
    const std::int64_t attribute = node.attributes.integer("axis", 0);
    const std::optional<Along> whole = along(shape(node.inputs[0]), planes.size(), attribute);
    if (!whole) return {};
    const auto rank = static_cast<std::int64_t>(shape(node.inputs[0]).size());
    const auto axis = static_cast<std::size_t>(attribute < 0 ? attribute + rank : attribute);
    std::vector<Planes> results(node.outputs.size());
    std::int64_t first = 0;
    for (std::size_t part = 0; part < results.size(); ++part) {
      const std::int64_t size = shape(node.outputs[part])[axis];
      for (std::int64_t outer = 0; outer < whole->outer; ++outer) {
        append(planes, (outer * whole->size + first) * whole->inner, size * whole->inner,
               results[part]);
      }
      first += size;
    }
    return results;
  }

  std::vector<Planes> concat(const Node& node) const {
    std::vector<Planes> inputs;
    std::vector<Along> axes;
    for (const ValueId id : node.inputs) {
      std::optional<Planes> planes = planes_of(id);
      if (!planes) return {};
      const std::optional<Along> axis =
          along(shape(id), planes->size(), node.attributes.integer("axis", 0));
      if (!axis) return {};
      inputs.push_back(std::move(*planes));
      axes.push_back(*axis);
      // Planes of one size: the axes behind are the same, those before too.
      if (axis->outer != axes[0].outer || axis->inner != axes[0].inner) return {};
    }
    Planes result;
    for (std::int64_t outer = 0; outer < axes[0].outer; ++outer) {
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::int64_t count = axes[i].size * axes[i].inner;
        append(inputs[i], outer * count, count, result);
      }
    }
    return {result};
  }

  static void append(const Planes& from, std::int64_t first, std::int64_t count, Planes& to) {
    const auto begin = from.begin() + first;
    to.insert(to.end(), begin, begin + count);
  }

  Graph& graph_;
  std::unordered_map<ValueId, Planes> planes_;  // of what planes were moved into
};

}  // namespace

void pick_channels(FloatGraph& float_graph) { Picker(float_graph).run(); }

}  // namespace quant
