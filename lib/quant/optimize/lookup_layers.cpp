// SPDX-License-Identifier: MIT
#include "quant/optimize/lookup_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "quant/optimize/frame_params.h"
#include "quant/optimize/pointwise.h"

namespace quant {

ValueId add_activation(Graph& integer, std::string name, Shape shape, const QuantParams& params) {
  Value value;
  value.name = std::move(name);
  value.type = params.type;
  value.shape = std::move(shape);
  value.quant = params;
  return integer.add_value(std::move(value));
}

Node lookup_layer(Graph& integer, std::string name, ValueId from, ValueId to, Tensor table) {
  Node node;
  node.op = OpKind::kLookup;
  node.name = std::move(name);
  const ValueId entries = integer.add_constant(node.name + "/table", std::move(table));
  integer.value(entries).quant = integer.value(to).quant;
  node.inputs = {from, entries};
  node.outputs = {to};
  return node;
}

void append_changed_movement(Graph& integer, Node movement, const QuantParams& input) {
  const bool moves = movement.op != OpKind::kIdentity;
  std::vector<Node> tables;
  for (ValueId& id : movement.outputs) {
    if (id == kNoValue) continue;
    const Value changed = integer.value(id);
    const ValueId from =
        moves ? add_activation(integer, changed.name + "/moved", changed.shape, input)
              : movement.inputs[0];
    const std::string name =
        moves ? fmt::format("{}_requantize{}", movement.name, tables.size() + 1) : movement.name;
    tables.push_back(
        lookup_layer(integer, name, from, id, requantization_table(input, *changed.quant)));
    tables.back().original_names = movement.original_names;
    id = from;
  }
  if (moves) integer.nodes.push_back(std::move(movement));
  std::move(tables.begin(), tables.end(), std::back_inserter(integer.nodes));
}

void append_frame_tables(Graph& integer, Node layer, ValueId frame,
                         std::span<const Tensor> tables) {
  const ValueId output = layer.outputs[0];
  const bool same = std::all_of(tables.begin(), tables.end(), [&](const Tensor& table) {
    return std::memcmp(table.raw(), tables[0].raw(), table.bytes()) == 0;
  });
  if (same) {
    Node table = lookup_layer(integer, layer.name, frame, output, tables[0]);
    table.original_names = std::move(layer.original_names);
    integer.nodes.push_back(std::move(table));
    return;
  }
  Shape plane = integer.value(frame).shape;
  plane[1] = 1;
  const QuantParams pixels = *integer.value(frame).quant;
  const QuantParams params = *integer.value(output).quant;
  Node split;
  split.op = OpKind::kSplit;
  split.name = layer.name + "_split";
  split.attributes.set("axis", std::int64_t{1});
  split.attributes.set("num_outputs", static_cast<std::int64_t>(tables.size()));
  split.inputs = {frame};
  layer.op = OpKind::kConcat;
  layer.attributes = {};
  layer.attributes.set("axis", std::int64_t{1});
  layer.inputs.clear();
  std::vector<Node> lookups;
  for (const Tensor& table : tables) {
    const std::string name = fmt::format("{}_channel{}", layer.name, lookups.size() + 1);
    split.outputs.push_back(add_activation(integer, name + "/pixels", plane, pixels));
    layer.inputs.push_back(add_activation(integer, name, plane, params));
    lookups.push_back(
        lookup_layer(integer, name, split.outputs.back(), layer.inputs.back(), table));
  }
  integer.nodes.push_back(std::move(split));
  std::move(lookups.begin(), lookups.end(), std::back_inserter(integer.nodes));
  integer.nodes.push_back(std::move(layer));
}

}  // namespace quant
