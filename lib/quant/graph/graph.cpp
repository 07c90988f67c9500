// SPDX-License-Identifier: MIT
#include "quant/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <unordered_set>

namespace quant {
namespace {

constexpr ValueId kDropped = -2;

bool valid_id(const Graph& graph, ValueId id) {
  return id >= 0 && static_cast<std::size_t>(id) < graph.values.size();
}

}  // namespace

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  Value value;
  value.name = std::move(value_name);
  value.type = tensor.type();
  value.shape = tensor.shape();
  value.constant = std::move(tensor);
  return add_value(std::move(value));
}

std::optional<ValueId> Graph::find_value(const std::string& value_name) const {
  for (std::size_t id = 0; id < values.size(); ++id) {
    if (values[id].name == value_name) return static_cast<ValueId>(id);
  }
  return std::nullopt;
}

std::vector<std::vector<std::size_t>> consumers(const Graph& graph) {
  std::vector<std::vector<std::size_t>> result(graph.values.size());
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId id : graph.nodes[node].inputs) {
      if (id != kNoValue) result[static_cast<std::size_t>(id)].push_back(node);
    }
  }
  return result;
}

std::vector<std::optional<std::size_t>> producers(const Graph& graph) {
  std::vector<std::optional<std::size_t>> result(graph.values.size());
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId id : graph.nodes[node].outputs) {
      if (id != kNoValue) result[static_cast<std::size_t>(id)] = node;
    }
  }
  return result;
}

Status sort_topologically(Graph& graph) {
  const auto made_by = producers(graph);
  std::vector<std::size_t> missing(graph.nodes.size(), 0);
  std::vector<std::vector<std::size_t>> readers(graph.nodes.size());
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    for (const ValueId id : graph.nodes[node].inputs) {
      if (id == kNoValue) continue;
      if (const auto producer = made_by[static_cast<std::size_t>(id)]) {
        readers[*producer].push_back(node);
        ++missing[node];
      }
    }
  }
  // The smallest ready index first keeps the order of an already sorted graph.
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t node = 0; node < missing.size(); ++node) {
    if (missing[node] == 0) ready.push(node);
  }
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    const std::size_t node = ready.top();
    ready.pop();
    sorted.push_back(graph.nodes[node]);
    for (const std::size_t reader : readers[node]) {
      if (--missing[reader] == 0) ready.push(reader);
    }
  }
  if (sorted.size() != graph.nodes.size()) {
    const auto stuck =
        std::find_if(missing.begin(), missing.end(), [](std::size_t n) { return n > 0; });
    const Node& node = graph.nodes[static_cast<std::size_t>(stuck - missing.begin())];
    return fail(ErrorCode::kInvalidData, "the graph has a cycle",
                node.original_names.empty() ? node.name : node.original_names.front());
  }
  graph.nodes = std::move(sorted);
  return {};
}

void remove_unused(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  for (const ValueId id : graph.outputs) needed[static_cast<std::size_t>(id)] = true;
  std::vector<bool> keep(graph.nodes.size(), false);
  for (std::size_t node = graph.nodes.size(); node-- > 0;) {
    const Node& current = graph.nodes[node];
    keep[node] = std::any_of(current.outputs.begin(), current.outputs.end(), [&](ValueId id) {
      return id != kNoValue && needed[static_cast<std::size_t>(id)];
    });
    if (!keep[node]) continue;
    for (const ValueId id : current.inputs) {
      if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const ValueId id : graph.inputs) needed[static_cast<std::size_t>(id)] = true;
  // An output that a kept node makes beside a needed one stays, so that positions keep their
  // meaning.
  std::vector<Node> nodes;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (!keep[node]) continue;
    for (const ValueId id : graph.nodes[node].outputs) {
      if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
    }
    nodes.push_back(std::move(graph.nodes[node]));
  }
  std::vector<ValueId> renumbered(graph.values.size(), kDropped);
  std::vector<Value> values;
  for (std::size_t id = 0; id < graph.values.size(); ++id) {
    if (!needed[id]) continue;
    renumbered[id] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[id]));
  }
  const auto renumber = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      if (id != kNoValue) id = renumbered[static_cast<std::size_t>(id)];
    }
  };
  for (Node& node : nodes) {
    renumber(node.inputs);
    renumber(node.outputs);
  }
  renumber(graph.inputs);
  renumber(graph.outputs);
  graph.nodes = std::move(nodes);
  graph.values = std::move(values);
}

Status verify(const Graph& graph) {
  std::unordered_set<std::string> value_names;
  for (const Value& value : graph.values) {
    if (!value_names.insert(value.name).second) {
      return fail(ErrorCode::kInvalidData, "two tensors have this name", value.name);
    }
    if (value.constant &&
        (value.constant->type() != value.type || value.constant->shape() != value.shape)) {
      return fail(ErrorCode::kInvalidData, "a constant does not match its declared type and shape",
                  value.name);
    }
  }
  std::vector<bool> available(graph.values.size(), false);
  for (std::size_t id = 0; id < graph.values.size(); ++id)
    available[id] = graph.values[id].constant.has_value();
  for (const ValueId id : graph.inputs) {
    if (!valid_id(graph, id))
      return fail(ErrorCode::kInvalidData, "a graph input does not exist", graph.name);
    available[static_cast<std::size_t>(id)] = true;
  }
  std::unordered_set<std::string> node_names;
  for (const Node& node : graph.nodes) {
    if (!node_names.insert(node.name).second) {
      return fail(ErrorCode::kInvalidData, "two layers have this name", node.name);
    }
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      if (!valid_id(graph, id))
        return fail(ErrorCode::kInvalidData, "reads a tensor that does not exist", node.name);
      if (!available[static_cast<std::size_t>(id)]) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("reads '{}', which nothing has made yet", graph.value(id).name),
                    node.name);
      }
    }
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (!valid_id(graph, id))
        return fail(ErrorCode::kInvalidData, "writes a tensor that does not exist", node.name);
      if (available[static_cast<std::size_t>(id)]) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("writes '{}' a second time", graph.value(id).name), node.name);
      }
      available[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const ValueId id : graph.outputs) {
    if (!valid_id(graph, id) || !available[static_cast<std::size_t>(id)]) {
      return fail(ErrorCode::kInvalidData, "a graph output is never made",
                  valid_id(graph, id) ? graph.value(id).name : graph.name);
    }
  }
  return {};
}

}  // namespace quant
