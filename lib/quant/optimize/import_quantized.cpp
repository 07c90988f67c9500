// SPDX-License-Identifier: MIT
#include "quant/optimize/import_quantized.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "quant/optimize/given_quantization.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/script_plan.h"
#include "quant/passes/saturate.h"

namespace quant {
namespace {

// What would choose parameters, in the user's words; empty where nothing does.
std::string unwanted(const OptimizerOptions& options, const Graph& graph,
                     const ScriptPlan& script) {
  if (options.level > OptimizationLevel::kNone)
    return fmt::format("level {}", static_cast<int>(options.level));
  if (!options.wanted_db.empty()) return "a wanted signal-to-noise ratio";
  if (options.share_in_4_bits.value_or(0) > 0) return "compression";
  if (!options.script) return {};
  const ModelScript& asked = *options.script;
  if (asked.equalization.policy.value_or(false)) return "the script's equalization";
  if (asked.bias_correction.policy.value_or(false)) return "the script's bias correction";
  if (script.encodes_outputs > 0) return "the script's output_encoding_vector";
  if (!script.forced.empty() || !script.percentiles.empty()) return "the script's ranges";
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    if (script.plan.layer(node) != LayerPlan{})
      return fmt::format("the script's precision or weight scales of {}", graph.nodes[node].name);
  }
  return {};
}

Status check_options(const OptimizerOptions& options, const Graph& graph,
                     const ScriptPlan& script) {
  const std::string what = unwanted(options, graph, script);
  if (what.empty()) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("the model is quantized already and its parameters are kept, so {} cannot "
                  "be carried out; quantize the float model for that",
                  what));
}

std::vector<std::string> names_of(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const ValueId id : ids) names.push_back(graph.value(id).name);
  return names;
}

Status fail_without_frames(const std::vector<std::string>& names) {
  constexpr std::size_t kListed = 12;
  const std::size_t listed = std::min(names.size(), kListed);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the model has no parameters for {} of its tensors ({}{}), and there are "
                          "no calibration frames to find them with",
                          names.size(),
                          fmt::join(names.begin(),
                                    names.begin() + static_cast<std::ptrdiff_t>(listed), ", "),
                          names.size() > listed ? ", …" : ""));
}

std::vector<Range> given_ranges(const Graph& graph) {
  std::vector<Range> ranges;
  for (const Value& value : graph.values) {
    const bool given = value.quant && !value.constant;
    ranges.push_back(given ? Range{value.quant->range_min, value.quant->range_max} : Range{});
  }
  return ranges;
}

}  // namespace

Result<OptimizedModel> import_quantized(Graph graph, const InputSpec& input,
                                        const OptimizerOptions& options, CalibrationSet& set,
                                        const OptimizerProgress& progress) {
  ScriptPlan script;
  if (options.script) {
    QUANT_TRY_ASSIGN(script, plan_script(*options.script, graph, options.scope));
  }
  QUANT_TRY(check_options(options, graph, script));
  OptimizedModel result;
  result.imported = true;
  result.notes = std::move(script.notes);
  QUANT_TRY_ASSIGN(result.plan, given_plan(graph));
  QUANT_TRY(check_target(options.target, graph, result.plan));
  QUANT_TRY_ASSIGN(const std::vector<ValueId> without,
                   values_without_parameters(graph, input, result.plan));
  result.calibrated = names_of(graph, without);
  result.float_graph = std::make_shared<const Graph>(std::move(graph));
  result.chosen = given_ranges(*result.float_graph);
  result.seen = result.chosen;
  if (!without.empty()) {
    if (set.count() == 0) return tl::unexpected(fail_without_frames(result.calibrated).error());
    CalibrationOptions calibration;
    calibration.methods = {options.method.value_or(RangeMethod::kMinMax)};
    calibration.percentile = options.percentile;
    calibration.threads = options.threads;
    Graph running = *result.float_graph;  // its values stay the first ones
    saturate(running);
    QUANT_TRY_ASSIGN(CalibrationResult calibrated,
                     calibrate(std::make_shared<const Graph>(std::move(running)), set, calibration,
                               [&](std::int64_t done, std::int64_t total) {
                                 if (progress) progress("calibrating", done, total);
                                 return !(options.stop && options.stop());
                               }));
    calibrated.seen.resize(result.seen.size());
    result.seen = std::move(calibrated.seen);
    for (const ValueId id : without) {
      const auto index = static_cast<std::size_t>(id);
      result.chosen[index] = calibrated.proposals.front()[index];
    }
  }
  QUANT_TRY_ASSIGN(result.model, lower(*result.float_graph, input, result.chosen, result.plan));
  return result;
}

}  // namespace quant
