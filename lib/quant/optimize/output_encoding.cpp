// SPDX-License-Identifier: MIT
#include "quant/optimize/output_encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "quant/optimize/choose_params.h"
#include "quant/optimize/element_labels.h"
#include "quant/optimize/fuse_followers.h"
#include "quant/optimize/integer_form.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/partition.h"
#include "quant/passes/rewire.h"

namespace quant {
namespace {

// What the kernels put elsewhere with parameters by channel.
bool moves_channels(const Node& node) {
  switch (node.op) {
    case OpKind::kConcat:
    case OpKind::kIdentity:
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kTranspose:
      return true;
    default:
      return false;
  }
}

bool has_channel_weights(const Graph& graph, const Node& node) {
  return node.op != OpKind::kNormalization &&
         integer_form(graph, node) != IntegerForm::kPointwise &&
         channel_layer(graph, node).has_value();
}

// Of what a layer with weights makes.
int channel_axis(const Graph& graph, const Node& node) {
  const bool product = node.op == OpKind::kGemm || node.op == OpKind::kMatMul;
  return product ? static_cast<int>(graph.value(node.outputs[0]).shape.size()) - 1 : 1;
}

class Finder {
 public:
  Finder(const Graph& graph, const std::vector<bool>& host)
      : graph_(graph), host_(host), topology_(graph) {}

  OutputEncodings run() const {
    OutputEncodings result;
    for (std::size_t id = 0; id < graph_.values.size(); ++id) {
      const auto output = static_cast<ValueId>(id);
      if (!leaves_integer_part(output)) continue;
      auto found = encode(output);
      if (found) {
        result.found.push_back(std::move(*found));
      } else if (!found.error().empty() && !has_one_channel(graph_.value(output).shape)) {
        result.refused[output] = found.error();
      }
    }
    return result;
  }

 private:
  static bool has_one_channel(const Shape& shape) { return shape.size() == 4 && shape[1] == 1; }

  bool leaves_integer_part(ValueId id) const {
    const auto producer = topology_.producer(id);
    if (!producer || host_[*producer] || graph_.value(id).type != DataType::kFloat32) return false;
    const auto& readers = topology_.readers(id);
    return topology_.is_output(id) ||
           std::any_of(readers.begin(), readers.end(), [&](std::size_t r) { return host_[r]; });
  }

  // The nodes between `id` and the layers that make it, last first; or why there are none.
  tl::expected<std::vector<std::size_t>, std::string> path_to_makers(ValueId output) const {
    std::vector<std::size_t> path;
    std::vector<ValueId> open = {output};
    std::set<std::size_t> on_path;
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      const auto producer = topology_.producer(id);
      if (!producer) return tl::unexpected(std::string("it holds the frame or a constant"));
      const Node& node = graph_.nodes[*producer];
      if (graph_.value(id).quant) return tl::unexpected(std::string("the model quantizes it"));
      if (!on_path.insert(*producer).second) continue;
      if (has_channel_weights(graph_, node)) continue;
      if (!moves_channels(node))
        return tl::unexpected(
            fmt::format("{} ({}) makes it, and only layers with weights can give more", node.name,
                        to_string(node.op)));
      for (const ValueId input : node.inputs) {
        if (node.op == OpKind::kConcat || !graph_.value(input).constant) open.push_back(input);
      }
    }
    path.assign(on_path.rbegin(), on_path.rend());
    for (const std::size_t index : path) {
      for (const ValueId id : graph_.nodes[index].outputs) {
        for (const std::size_t reader : topology_.readers(id)) {
          if (!on_path.contains(reader) && !(id == output && host_[reader]))
            return tl::unexpected(fmt::format("{} reads it too", graph_.nodes[reader].name));
        }
        if (id != output && topology_.is_output(id))
          return tl::unexpected(std::string("another output is part of it"));
      }
    }
    return path;
  }

  // An empty text where there is but one channel.
  tl::expected<OutputEncoding, std::string> encode(ValueId output) const {
    const auto path = path_to_makers(output);
    if (!path) return tl::unexpected(path.error());
    const Shape& shape = graph_.value(output).shape;
    std::optional<OutputEncoding> best;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      const bool more =
          shape[axis] > 1 && (!best || shape[axis] > shape[static_cast<std::size_t>(best->axis)]);
      if (!more) continue;
      if (auto found = encode_along(output, axis, *path)) best = std::move(found);
    }
    if (best) return std::move(*best);
    return tl::unexpected(has_several_channels(*path)
                              ? std::string("its channels lie along no axis of it")
                              : std::string());
  }

  bool has_several_channels(const std::vector<std::size_t>& path) const {
    return std::any_of(path.begin(), path.end(), [&](std::size_t index) {
      const Node& node = graph_.nodes[index];
      const auto axis = static_cast<std::size_t>(channel_axis(graph_, node));
      return !moves_channels(node) && graph_.value(node.outputs[0]).shape[axis] > 1;
    });
  }

  std::optional<OutputEncoding> encode_along(ValueId output, std::size_t axis,
                                             const std::vector<std::size_t>& path) const {
    OutputEncoding encoding;
    encoding.output = output;
    encoding.axis = static_cast<int>(axis);
    std::map<ValueId, ElementLabels> labels;
    labels[output] = labels_by_axis(graph_.value(output).shape, axis);
    for (const std::size_t index : path) {
      const Node& node = graph_.nodes[index];
      const ValueId made = node.outputs[0];
      const auto carrier = carrier_of(labels.at(made), graph_.value(made).shape);
      if (!carrier) return std::nullopt;
      encoding.carriers[made] = *carrier;
      if (!moves_channels(node)) {
        if (carrier->channels.size() > 1 && carrier->axis != channel_axis(graph_, node))
          return std::nullopt;
        continue;
      }
      auto before = labels_before(graph_, node, {&labels.at(made), 1});
      if (!before) return std::nullopt;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        if ((*before)[i].empty()) continue;
        const auto [known, fresh] = labels.try_emplace(node.inputs[i], (*before)[i]);
        if (!fresh && known->second != (*before)[i]) return std::nullopt;
      }
    }
    return encoding;
  }

  static std::optional<OutputEncoding::Carrier> carrier_of(const ElementLabels& labels,
                                                           const Shape& shape) {
    const auto other = [&](std::int32_t label) { return label != labels.front(); };
    if (std::none_of(labels.begin(), labels.end(), other))
      return OutputEncoding::Carrier{0, {labels.front()}};
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (auto along = labels_along(labels, shape, axis))
        return OutputEncoding::Carrier{static_cast<int>(axis), std::move(*along)};
    }
    return std::nullopt;
  }

  const Graph& graph_;
  const std::vector<bool>& host_;
  Topology topology_;
};

}  // namespace

Result<OutputEncodings> find_output_encodings(const Graph& graph) {
  QUANT_TRY_ASSIGN(std::vector<bool> host, partition(graph));
  Graph fused = graph;
  fuse_followers(fused, host);
  return Finder(fused, host).run();
}

bool is_carried(const Graph& graph, const OutputEncoding& encoding, const std::vector<int>& bits) {
  const auto made_by = producers(graph);
  const int wanted = bits[static_cast<std::size_t>(encoding.output)];
  return std::all_of(encoding.carriers.begin(), encoding.carriers.end(), [&](const auto& carrier) {
    const auto& producer = made_by[static_cast<std::size_t>(carrier.first)];
    if (!producer || bits[static_cast<std::size_t>(carrier.first)] != wanted) return false;
    const Node& node = graph.nodes[*producer];
    return !moves_channels(node) ||
           std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return graph.value(id).constant || encoding.carriers.contains(id);
           });
  });
}

QuantParams encoded_params(const OutputEncoding& encoding, const OutputEncoding::Carrier& carrier,
                           DataType type) {
  QuantParams result;
  result.type = type;
  result.axis = carrier.channels.size() > 1 ? carrier.axis : 0;
  for (const int channel : carrier.channels) {
    const QuantParams one =
        activation_params(encoding.ranges[static_cast<std::size_t>(channel)], type);
    result.scale.push_back(one.scale[0]);
    result.zero_point.push_back(one.zero_point[0]);
    result.range_min = std::min(result.range_min, one.range_min);
    result.range_max = std::max(result.range_max, one.range_max);
  }
  return result;
}

ChannelExtremes::ChannelExtremes(const Shape& shape, int axis)
    : inner_(static_cast<std::size_t>(row_major_strides(shape)[static_cast<std::size_t>(axis)])),
      channels_(static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)])) {}

void ChannelExtremes::observe(std::span<const float> values) {
  for (std::size_t run = 0; run * inner_ < values.size(); ++run)
    channels_[run % channels_.size()].observe(values.subspan(run * inner_, inner_));
  seen_ += values.size() / channels_.size();
}

std::vector<Range> ChannelExtremes::ranges() const {
  std::vector<Range> result;
  for (const MinMaxObserver& channel : channels_) {
    Range range = channel.range();
    const float unseen = seen_ > 1 ? (range.max - range.min) / static_cast<float>(seen_ - 1) : 0.0F;
    range.min -= unseen;
    range.max += unseen;
    result.push_back(range);
  }
  return result;
}

}  // namespace quant
