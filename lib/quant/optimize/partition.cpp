// SPDX-License-Identifier: MIT
#include "quant/optimize/partition.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/optimize/integer_form.h"

namespace quant {
namespace {

bool is_arithmetic(OpKind op) {
  return op == OpKind::kAdd || op == OpKind::kSub || op == OpKind::kMul || op == OpKind::kDiv;
}

// A constant that differs from position to position, as anchor grids do; per-channel and scalar
// constants do not.
bool uses_position_constant(const Graph& graph, const Node& node) {
  if (!is_arithmetic(node.op)) return false;
  const Shape& shape = graph.value(node.outputs[0]).shape;
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    if (!graph.value(id).constant || graph.value(id).constant->elements() == 1) return false;
    if (shape.size() == 4) return !is_channel_constant(graph, id, shape[1]);
    // Elsewhere the channel is the last axis (rows of a matrix, tokens).
    const Shape& constant = graph.value(id).shape;
    return element_count(constant) != constant.back();
  });
}

bool only_leads_on(const Node& node, IntegerForm form) {
  if (node.op == OpKind::kConcat || form == IntegerForm::kMovement) {
    return node.op != OpKind::kMaxPool && node.op != OpKind::kGlobalMaxPool &&
           node.op != OpKind::kResize;
  }
  // Box sizes are often exponentials or powers: eight bits of a wide range of pixels say little.
  return form == IntegerForm::kPointwise &&
         (is_arithmetic(node.op) || node.op == OpKind::kExp || node.op == OpKind::kPow);
}

std::string describe(const Node& node) {
  return fmt::format("{} '{}'", to_string(node.op),
                     node.original_names.empty() ? node.name : node.original_names.front());
}

}  // namespace

Result<std::vector<bool>> partition(const Graph& graph) {
  const std::size_t count = graph.nodes.size();
  const auto readers = consumers(graph);
  std::vector<IntegerForm> form(count);
  std::vector<bool> weights_behind(count, false);
  for (std::size_t node = count; node-- > 0;) {
    form[node] = integer_form(graph, graph.nodes[node]);
    for (const ValueId id : graph.nodes[node].outputs) {
      if (id == kNoValue) continue;
      for (const std::size_t reader : readers[static_cast<std::size_t>(id)]) {
        if (form[reader] == IntegerForm::kWeighted || weights_behind[reader])
          weights_behind[node] = true;
      }
    }
  }

  std::vector<bool> host(count, false);
  std::vector<bool> value_on_host(graph.values.size(), false);
  const auto quantized = [&](const Node& node) {
    return std::any_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id != kNoValue && graph.value(id).quant; });
  };
  const auto wholly_quantized = [&](const Node& node) {
    return quantized(node) && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return !graph.value(id).constant || graph.value(id).quant;
           });
  };
  std::vector<std::string> offenders;
  for (std::size_t node = 0; node < count; ++node) {
    const Node& current = graph.nodes[node];
    const bool behind = std::any_of(current.inputs.begin(), current.inputs.end(), [&](ValueId id) {
      return id != kNoValue && value_on_host[static_cast<std::size_t>(id)];
    });
    const bool starts =
        form[node] == IntegerForm::kNone || (uses_position_constant(graph, current) &&
                                             !weights_behind[node] && !wholly_quantized(current));
    host[node] = behind || starts;
    if (starts && !behind && weights_behind[node]) offenders.push_back(describe(current));
    if (!host[node]) continue;
    for (const ValueId id : current.outputs) {
      if (id != kNoValue) value_on_host[static_cast<std::size_t>(id)] = true;
    }
  }
  if (!offenders.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("no integer form for {}, with weighted layers behind; cut the graph "
                            "before with --end-node",
                            fmt::join(offenders, ", ")),
                graph.name);
  }

  for (std::size_t node = count; node-- > 0;) {
    const Node& current = graph.nodes[node];
    if (host[node] || quantized(current) || !only_leads_on(current, form[node])) continue;
    const bool all_on_host =
        std::all_of(current.outputs.begin(), current.outputs.end(), [&](ValueId id) {
          if (id == kNoValue) return true;
          if (std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end())
            return false;
          const auto& nodes = readers[static_cast<std::size_t>(id)];
          return !nodes.empty() && std::all_of(nodes.begin(), nodes.end(),
                                               [&](std::size_t reader) { return host[reader]; });
        });
    if (all_on_host) host[node] = true;
  }
  return host;
}

}  // namespace quant
