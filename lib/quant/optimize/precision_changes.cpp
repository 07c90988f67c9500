// SPDX-License-Identifier: MIT
#include "quant/optimize/precision_changes.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "quant/optimize/lower_weighted.h"

namespace quant {

void insert_precision_changes(Graph& graph, std::vector<bool>& host, ValueId frame,
                              std::vector<PrecisionMode>& modes, std::vector<Range>& ranges,
                              std::vector<int>& bits) {
  std::vector<Node> nodes;
  std::vector<bool> new_host;
  std::vector<PrecisionMode> new_modes;
  const auto append = [&](Node node, bool on_host, PrecisionMode mode) {
    nodes.push_back(std::move(node));
    new_host.push_back(on_host);
    new_modes.push_back(mode);
  };
  std::map<ValueId, ValueId> changed;
  const auto change = [&](ValueId id, int wanted) {
    const auto known = changed.find(id);
    if (known != changed.end()) return known->second;
    const int had = bits[static_cast<std::size_t>(id)];
    Node node;
    node.op = OpKind::kRequantize;
    node.name = fmt::format("precision_change{}", changed.size() + 1);
    Value value = graph.value(id);
    value.name += "/" + node.name;
    const ValueId added = graph.add_value(std::move(value));
    node.inputs = {id};
    node.outputs = {added};
    append(std::move(node), false, {had, 8, wanted});
    ranges.push_back(ranges[static_cast<std::size_t>(id)]);
    bits.push_back(wanted);
    return changed[id] = added;
  };
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    Node node = std::move(graph.nodes[index]);
    const bool reads_frame = !node.inputs.empty() && node.inputs[0] == frame;
    if (!host[index] && !(reads_frame && channel_layer(graph, node))) {
      for (ValueId& id : node.inputs) {
        const bool fits = id == kNoValue || graph.value(id).constant ||
                          graph.value(id).type != DataType::kFloat32 ||
                          bits[static_cast<std::size_t>(id)] == modes[index].input_bits;
        if (!fits) id = change(id, modes[index].input_bits);
      }
    }
    append(std::move(node), host[index], modes[index]);
  }
  graph.nodes = std::move(nodes);
  host = std::move(new_host);
  modes = std::move(new_modes);
}

}  // namespace quant
