// SPDX-License-Identifier: MIT
// Outputs that put values of different kinds side by side, and where to cut instead.
#include "quant/analyze/suspects_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "quant/analyze/suspects.h"
#include "quant/optimize/partition.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

constexpr float kSteps = 255;

// Moves values, or holds them inside the range that the model quantizes them in.
bool passes_values(const Graph& graph, const Node& node) {
  return moves_values(node.op) ||
         (node.op == OpKind::kClip && graph.value(node.outputs[0]).quant.has_value());
}

// Data inputs of an operator that moves values.
std::vector<ValueId> moved_inputs(const Node& node) {
  if (node.op == OpKind::kConcat) return node.inputs;
  return {node.inputs.front()};
}

// What lies upstream of an output through moving operators, nearest to the output first.
std::vector<std::size_t> moving_nodes(const Graph& graph, ValueId output) {
  const auto makers = producers(graph);
  std::set<std::size_t> found;
  std::vector<ValueId> open = {output};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    const auto maker = id == kNoValue ? std::nullopt : makers[static_cast<std::size_t>(id)];
    if (!maker || !passes_values(graph, graph.nodes[*maker]) || !found.insert(*maker).second)
      continue;
    for (const ValueId input : moved_inputs(graph.nodes[*maker])) open.push_back(input);
  }
  return {found.rbegin(), found.rend()};
}

struct Part {
  ValueId id = kNoValue;
  Range range;
};

// Computed inputs of a Concat with a range.
std::vector<Part> parts_of(const Node& concat, const ActivationSurvey& survey) {
  std::vector<Part> parts;
  for (const ValueId id : concat.inputs) {
    const TensorFigures* figures = id == kNoValue ? nullptr : survey.figures(id);
    if (figures != nullptr && covered(figures->range) > 0) parts.push_back({id, figures->range});
  }
  return parts;
}

// Of the widest part to the narrowest.
double width_ratio(const std::vector<Part>& parts) {
  if (parts.size() < 2) return 1;
  const auto [narrow, wide] = std::minmax_element(
      parts.begin(), parts.end(),
      [](const Part& a, const Part& b) { return covered(a.range) < covered(b.range); });
  return static_cast<double>(covered(wide->range)) / static_cast<double>(covered(narrow->range));
}

// A name that --end-node takes: of the tensor, where the file has it, else of the node that makes
// it.
std::string cut_name(const SuspectModel& model, ValueId id) {
  const Graph& graph = *model.optimized;
  const std::string& name = graph.value(id).name;
  if (model.native->find_value(name)) return name;
  const auto maker = producers(graph)[static_cast<std::size_t>(id)];
  if (!maker || graph.nodes[*maker].original_names.empty()) return name;
  return graph.nodes[*maker].original_names.back();
}

// Every output, or what stands in for it: the inputs of the merges on its way.
std::vector<std::string> cuts(const SuspectModel& model, const std::set<std::size_t>& merges) {
  const Graph& graph = *model.optimized;
  const auto makers = producers(graph);
  // Whether a merge lies at a node or upstream of it through moving operators; nodes stand in
  // topological order.
  std::vector<bool> leads(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!moves_values(node.op)) continue;
    leads[i] = merges.contains(i);
    for (const ValueId id : moved_inputs(node)) {
      const auto maker = id == kNoValue ? std::nullopt : makers[static_cast<std::size_t>(id)];
      if (maker && leads[*maker]) leads[i] = true;
    }
  }
  std::vector<std::string> names;
  std::set<ValueId> done;
  std::vector<ValueId> open(graph.outputs.rbegin(), graph.outputs.rend());
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == kNoValue || graph.value(id).constant || !done.insert(id).second) continue;
    const auto maker = makers[static_cast<std::size_t>(id)];
    if (!maker || !leads[*maker]) {
      names.push_back(cut_name(model, id));
      continue;
    }
    const std::vector<ValueId> inputs = moved_inputs(graph.nodes[*maker]);
    open.insert(open.end(), inputs.rbegin(), inputs.rend());
  }
  return names;
}

Finding merge_finding(const SuspectModel& model, ValueId output, const Node& concat,
                      const std::vector<Part>& parts, bool on_host) {
  const Graph& graph = *model.optimized;
  Range shared;
  for (const Part& part : parts) {
    shared.min = std::min(shared.min, part.range.min);
    shared.max = std::max(shared.max, part.range.max);
  }
  const float step = covered(shared) / kSteps;
  std::vector<std::string> texts;
  Json list = Json::array();
  for (const Part& part : parts) {
    const float own = covered(part.range) / kSteps;
    const std::string name = cut_name(model, part.id);
    texts.push_back(fmt::format("{} in [{:.4g}, {:.4g}] (step {:.2g} alone)", name, part.range.min,
                                part.range.max, own));
    list.push_back({{"tensor", name},
                    {"range", {part.range.min, part.range.max}},
                    {"step_alone", own},
                    {"steps_left", covered(part.range) / step}});
  }
  const std::string host =
      on_host ? "; here the merge runs on the host in float and costs nothing, a whole-graph "
                "quantizer would lose it"
              : "";
  return {Suspect::kOutputMerged,
          on_host ? Severity::kNote : Severity::kWarning,
          fmt::format("output {} merges values of different kinds in {}, {:.0f}:1: {}; with one "
                      "scale for all the step is {:.2g}{}",
                      graph.value(output).name, concat.name, width_ratio(parts),
                      fmt::join(texts, ", "), step, host),
          {{"output", graph.value(output).name},
           {"layer", concat.name},
           {"ratio", width_ratio(parts)},
           {"step", step},
           {"on_host", on_host},
           {"parts", list}},
          ""};
}

}  // namespace

bool moves_values(OpKind op) {
  switch (op) {
    case OpKind::kReshape:
    case OpKind::kTranspose:
    case OpKind::kConcat:
    case OpKind::kSlice:
    case OpKind::kSplit:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kFlatten:
    case OpKind::kIdentity:
    case OpKind::kGather:
      return true;
    default:
      return false;
  }
}

std::vector<ValueId> origins(const Graph& graph, ValueId output) {
  const auto makers = producers(graph);
  std::vector<ValueId> result;
  std::set<ValueId> done;
  std::vector<ValueId> open = {output};
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (id == kNoValue || graph.value(id).constant || !done.insert(id).second) continue;
    const auto maker = makers[static_cast<std::size_t>(id)];
    if (!maker || !passes_values(graph, graph.nodes[*maker])) {
      result.push_back(id);
      continue;
    }
    const std::vector<ValueId> inputs = moved_inputs(graph.nodes[*maker]);
    open.insert(open.end(), inputs.rbegin(), inputs.rend());
  }
  return result;
}

Findings check_merged_outputs(const SuspectModel& model, const ActivationSurvey& survey) {
  const Graph& graph = *model.optimized;
  const auto host = partition(graph);
  Findings findings;
  std::set<std::size_t> merges;
  for (const ValueId output : graph.outputs) {
    for (const std::size_t index : moving_nodes(graph, output)) {
      const Node& node = graph.nodes[index];
      if (node.op != OpKind::kConcat) continue;
      const std::vector<Part> parts = parts_of(node, survey);
      if (width_ratio(parts) <= kMergedRatio || !merges.insert(index).second) continue;
      findings.push_back(merge_finding(model, output, node, parts, host && (*host)[index]));
    }
  }
  if (findings.empty()) return findings;
  std::string advice = "Instead of the model's own ends:";
  const std::vector<std::string> names = cuts(model, merges);
  for (const std::string& name : names) advice += fmt::format(" --end-node '{}'", name);
  for (Finding& finding : findings) {
    finding.advice = advice;
    finding.evidence["end_nodes"] = names;
  }
  return findings;
}

}  // namespace quant
