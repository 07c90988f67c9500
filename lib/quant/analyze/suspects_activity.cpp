// SPDX-License-Identifier: MIT
// Tensors that carry nothing: not finite, of no width, or scores that never rise.
#include <fmt/format.h>

#include <algorithm>

#include "quant/analyze/suspects.h"
#include "quant/analyze/suspects_merge.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

constexpr float kNeverActive = 0.01F;
constexpr std::size_t kNamed = 5;

std::string list_text(const Json& names) {
  std::vector<std::string> shown;
  for (const Json& name : names) {
    if (shown.size() < kNamed) shown.push_back(name.get<std::string>());
  }
  return fmt::format(
      "{}{}", fmt::join(shown, ", "),
      names.size() > kNamed ? fmt::format(" and {} more", names.size() - kNamed) : "");
}

// By ValueId: what the input can change.
std::vector<bool> depends_on_input(const Graph& graph) {
  std::vector<bool> depends(graph.values.size());
  for (const ValueId id : graph.inputs) depends[static_cast<std::size_t>(id)] = true;
  for (const Node& node : graph.nodes) {
    // The sizes of a tensor do not change with its values.
    if (node.op == OpKind::kShape || node.op == OpKind::kSize) continue;
    const bool any = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      return id != kNoValue && depends[static_cast<std::size_t>(id)];
    });
    for (const ValueId id : node.outputs)
      if (any && id != kNoValue) depends[static_cast<std::size_t>(id)] = true;
  }
  return depends;
}

// No width, but for rounding.
bool is_dead(const TensorFigures& figures) {
  const float magnitude = std::max(-figures.range.min, figures.range.max);
  return figures.values > 1 && figures.non_finite == 0 &&
         figures.range.max - figures.range.min <= 1e-6F * magnitude;
}

void check_finite(const SuspectModel& model, const ActivationSurvey& survey, Findings& findings) {
  const Graph& graph = *model.optimized;
  Json layers = Json::array();
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      const TensorFigures* figures = id == kNoValue ? nullptr : survey.figures(id);
      if (figures != nullptr && figures->non_finite > 0) layers.push_back(node.name);
    }
  }
  if (layers.empty()) return;
  findings.push_back({Suspect::kValuesNotFinite,
                      Severity::kError,
                      fmt::format("values are NaN or infinite on {} frames, in the order of the "
                                  "network: {}",
                                  survey.frames(), list_text(layers)),
                      {{"frames", survey.frames()}, {"layers", layers}},
                      ""});
}

void check_dead_layers(const SuspectModel& model, const ActivationSurvey& survey,
                       Findings& findings) {
  const Graph& graph = *model.optimized;
  const std::vector<bool> depends = depends_on_input(graph);
  std::vector<bool> dead(graph.values.size());
  Json layers = Json::array();
  std::size_t behind = 0;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      const TensorFigures* figures = id == kNoValue ? nullptr : survey.figures(id);
      const bool is_output =
          std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
      if (figures == nullptr || !depends[static_cast<std::size_t>(id)] || !is_dead(*figures))
        continue;
      dead[static_cast<std::size_t>(id)] = true;
      const bool follows = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
        return input != kNoValue && dead[static_cast<std::size_t>(input)];
      });
      if (follows) {
        ++behind;
      } else if (!is_output) {
        layers.push_back(node.name);
      }
    }
  }
  if (layers.empty()) return;
  findings.push_back({Suspect::kLayerDead,
                      Severity::kWarning,
                      fmt::format("{} layer{} the same single value on all {} frames: {} ({} more "
                                  "tensors behind them)",
                                  layers.size(), layers.size() == 1 ? " has" : "s have",
                                  survey.frames(), list_text(layers), behind),
                      {{"frames", survey.frames()}, {"layers", layers}, {"behind", behind}},
                      ""});
}

void check_constant_outputs(const SuspectModel& model, const ActivationSurvey& survey,
                            Findings& findings) {
  const Graph& graph = *model.optimized;
  for (const ValueId id : graph.outputs) {
    const TensorFigures* figures = survey.figures(id);
    if (figures == nullptr || !is_dead(*figures)) continue;
    findings.push_back({Suspect::kOutputConstant,
                        Severity::kError,
                        fmt::format("output {} is {:.4g} everywhere on all {} frames",
                                    graph.value(id).name, figures->range.max, survey.frames()),
                        {{"output", graph.value(id).name},
                         {"value", figures->range.max},
                         {"frames", survey.frames()}},
                        ""});
  }
}

void check_scores(const SuspectModel& model, const ActivationSurvey& survey, Findings& findings) {
  const Graph& graph = *model.optimized;
  const auto makers = producers(graph);
  for (const ValueId output : graph.outputs) {
    for (const ValueId origin : origins(graph, output)) {
      const auto maker = makers[static_cast<std::size_t>(origin)];
      const TensorFigures* figures = survey.figures(origin);
      if (!maker || figures == nullptr || figures->values == 0 || is_dead(*figures)) continue;
      const Node& node = graph.nodes[*maker];
      if (node.op != OpKind::kSigmoid && node.op != OpKind::kHardSigmoid) continue;
      if (figures->range.max >= kNeverActive) continue;
      findings.push_back(
          {Suspect::kOutputNeverActivates,
           Severity::kWarning,
           fmt::format("the scores of {} ({}) stay below {:.2g} on all {} frames; the highest is "
                       "{:.2g}",
                       graph.value(output).name, node.name, kNeverActive, survey.frames(),
                       figures->range.max),
           {{"output", graph.value(output).name},
            {"layer", node.name},
            {"highest", figures->range.max},
            {"frames", survey.frames()}},
           ""});
    }
  }
}

}  // namespace

Findings check_activity(const SuspectModel& model, const ActivationSurvey& survey) {
  Findings findings;
  check_finite(model, survey, findings);
  check_dead_layers(model, survey, findings);
  check_constant_outputs(model, survey, findings);
  check_scores(model, survey, findings);
  return findings;
}

}  // namespace quant
