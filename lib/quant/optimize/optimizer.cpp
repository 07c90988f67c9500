// SPDX-License-Identifier: MIT
#include "quant/optimize/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "quant/optimize/bias_correction.h"
#include "quant/optimize/compression.h"
#include "quant/optimize/equalize.h"
#include "quant/optimize/equalize_products.h"
#include "quant/optimize/headroom.h"
#include "quant/optimize/image_network.h"
#include "quant/optimize/import_quantized.h"
#include "quant/optimize/lower.h"
#include "quant/optimize/memory_estimate.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/part_of_set.h"
#include "quant/optimize/plan_precision.h"
#include "quant/optimize/range_search.h"
#include "quant/optimize/refine_ranges.h"
#include "quant/optimize/script_plan.h"
#include "quant/optimize/split_channels.h"
#include "quant/optimize/split_search.h"
#include "quant/passes/lift_quantization.h"
#include "quant/passes/optimize_float.h"
#include "quant/passes/saturate.h"

namespace quant {

Algorithms algorithms_of(OptimizationLevel level) {
  return {.equalization = level >= OptimizationLevel::kEqualization,
          .range_search = level >= OptimizationLevel::kBiasCorrection,
          .bias_correction = level >= OptimizationLevel::kBiasCorrection,
          .finetuning = level >= OptimizationLevel::kFinetuning,
          .rounding = level >= OptimizationLevel::kBiasCorrection};
}

namespace {

// Ends where somebody wants the work to end: whatever reads many frames asks at each.
class StoppableSet : public CalibrationSet {
 public:
  StoppableSet(CalibrationSet& set, const std::function<bool()>& stop) : set_(set), stop_(stop) {}
  std::optional<std::int64_t> count() const override { return set_.count(); }
  Result<std::optional<std::vector<Tensor>>> next() override {
    if (stop_ && stop_()) return fail_stopped();
    return set_.next();
  }
  Status rewind() override { return set_.rewind(); }

 private:
  CalibrationSet& set_;
  const std::function<bool()>& stop_;
};

Algorithms algorithms_of(const OptimizerOptions& options) {
  Algorithms result = algorithms_of(options.level);
  if (options.method) result.range_search = false;
  if (options.script) {
    result.equalization = options.script->equalization.policy.value_or(result.equalization);
    result.bias_correction =
        options.script->bias_correction.policy.value_or(result.bias_correction);
    result.finetuning = options.script->finetune.policy.value_or(result.finetuning);
    result.rounding = options.script->adaround.policy.value_or(result.rounding);
  }
  return result;
}

std::vector<ValueId> values_with_given_range(const ScriptPlan& script) {
  std::vector<ValueId> result;
  for (const auto& [id, range] : script.forced) result.push_back(id);
  return result;
}

// Shares of the weights in 4 and 16 bits: an option, else the script's ratios, else its level.
CompressionOptions compression_options(const OptimizerOptions& options) {
  CompressionOptions result;
  result.threads = options.threads;
  if (options.script) {
    const CompressionSettings& settings = options.script->compression;
    constexpr double kShareOfLevel = 0.2;
    result.share_in_4_bits = settings.auto_4bit_weights_ratio.value_or(
        kShareOfLevel * options.script->flavor.compression_level);
    result.share_in_16_bits = settings.auto_16bit_weights_ratio.value_or(0);
  }
  result.share_in_4_bits = options.share_in_4_bits.value_or(result.share_in_4_bits);
  result.share_in_16_bits = options.share_in_16_bits.value_or(result.share_in_16_bits);
  return result;
}

// The plan as far as it is known before anything is measured: which weights have 4 bits is not,
// unless all have.
QuantizationPlan expected_plan(const OptimizerOptions& options, const QuantizationPlan& plan,
                               const Graph& graph) {
  QuantizationPlan result = plan;
  if (compression_options(options).share_in_4_bits < 1) return result;
  result.layers.resize(graph.nodes.size());
  for (LayerPlan& layer : result.layers)
    layer.precision.weight_bits = std::min(layer.precision.weight_bits, 4);
  return result;
}

// Every how many frames one judges the precision search and sets no range; nothing where the set is
// too small to spare any, or nothing is searched for.
std::optional<std::int64_t> judging_stride(const OptimizerOptions& options,
                                           const CalibrationSet& set) {
  constexpr std::int64_t kFewestToDivide = 32;
  constexpr std::int64_t kLeastStride = 4;
  const std::int64_t frames = set.count().value_or(0);
  if (options.wanted_db.empty() || frames < kFewestToDivide) return {};
  return std::max(kLeastStride, frames / PrecisionSearchOptions().most_frames);
}

// Completes the plan: what single layers get by sensitivity. `judging` is for the precision search.
template <typename Step>
Status choose_precision(const OptimizerOptions& options, const InputSpec& input,
                        CalibrationSet& set, CalibrationSet& judging, const Step& step,
                        const std::vector<ValueId>& given, OptimizedModel& result) {
  const CompressionOptions compression = compression_options(options);
  if (compression.share_in_4_bits > 0 || compression.share_in_16_bits > 0) {
    QUANT_TRY_ASSIGN(result.plan,
                     compress_weights(result.float_graph, input, result.chosen, result.plan, set,
                                      compression, step("weighing layers")));
  }
  if (!options.wanted_db.empty()) {
    PrecisionSearchOptions search;
    search.wanted_db = options.wanted_db;
    search.given_ranges = given;
    search.threads = options.threads;
    QUANT_TRY_ASSIGN(result.precision,
                     search_precision(result.float_graph, input, result.chosen, result.plan,
                                      judging, search, step("searching precision")));
    result.plan = result.precision->plan;
  }
  return check_target(options.target, *result.float_graph, result.plan);
}

double most_copied(const OptimizerOptions& options) {
  const bool copies = options.level >= OptimizationLevel::kFinetuning;
  return options.most_copied.value_or(copies ? SplitSearchOptions().most_added : 0);
}

std::vector<std::string> lines_of(const Graph& graph, const QuantizationPlan& plan) {
  std::vector<PrecisionMode> modes;
  for (const LayerPlan& layer : plan.layers) modes.push_back(layer.precision);
  return modes.empty() ? std::vector<std::string>() : precision_lines(graph, modes);
}

// Layers in several copies, into graph, plan and ranges.
template <typename Step>
Status split_layers(const OptimizerOptions& options, const InputSpec& input, CalibrationSet& set,
                    const Step& step, OptimizedModel& result) {
  SplitSearchOptions search;
  search.most_added = most_copied(options);
  search.threads = options.threads;
  if (!(search.most_added > 0)) return {};
  PlannedNetwork network{*result.float_graph, result.plan, result.chosen};
  QUANT_TRY_ASSIGN(result.copied,
                   search_splits(network, input, set, search, step("copying layers")));
  if (result.copied->splits.empty()) return {};
  QUANT_TRY_ASSIGN(PlannedNetwork copied, split_channels(network, result.copied->splits));
  result.float_graph = std::make_shared<const Graph>(std::move(copied.graph));
  result.plan = std::move(copied.plan);
  result.chosen = std::move(copied.ranges);
  // What was seen of a copy is what was seen of its original.
  network.ranges = std::move(result.seen);
  QUANT_TRY_ASSIGN(copied, split_channels(network, result.copied->splits));
  result.seen = std::move(copied.ranges);
  return {};
}

// Outputs that shall have a scale per channel, into the plan; a note of each that cannot.
Status plan_output_encodings(const ScriptPlan& script, OptimizedModel& result) {
  if (script.encodes_outputs == 0) return {};
  const Graph& graph = *result.float_graph;
  const auto note = [&](ValueId id, const std::string& reason) {
    result.notes.push_back(fmt::format("line {}: output {} has one scale for all channels: {}",
                                       script.encodes_outputs, graph.value(id).name, reason));
  };
  QUANT_TRY_ASSIGN(OutputEncodings encodings, find_output_encodings(graph));
  for (const auto& [id, reason] : encodings.refused) note(id, reason);
  for (OutputEncoding& encoding : encodings.found) {
    const bool given =
        std::any_of(encoding.carriers.begin(), encoding.carriers.end(), [&](const auto& carrier) {
          return script.forced.contains(carrier.first) ||
                 script.percentiles.contains(carrier.first);
        });
    if (given) {
      note(encoding.output, "the script gives its range");
    } else {
      result.plan.encodings.push_back(std::move(encoding));
    }
  }
  return {};
}

CalibrationOptions calibration_options(const OptimizerOptions& options, bool search,
                                       const ScriptPlan& script, const QuantizationPlan& plan) {
  CalibrationOptions result;
  result.percentile = options.percentile;
  result.threads = options.threads;
  result.forced = script.forced;
  result.percentiles = script.percentiles;
  for (const OutputEncoding& encoding : plan.encodings)
    result.channel_axes[encoding.output] = encoding.axis;
  if (options.method) {
    result.methods = {*options.method};
  } else if (search) {
    result.methods = {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kMse};
  }
  return result;
}

// Those whose Hessians weights are rounded by: as many as somebody asked for, or a few of what is
// there.
struct RoundingFrames {
  std::int64_t most = 0;
  bool all_of_them = false;  // fewer are an error
};

RoundingFrames rounding_frames(const OptimizerOptions& options) {
  constexpr std::int64_t kFew = 64;
  const bool asked = options.script && options.script->adaround.policy.value_or(false);
  if (options.level >= OptimizationLevel::kMoreRounding) return {1024, true};
  if (options.level >= OptimizationLevel::kRounding || asked) return {256, true};
  return {kFew, false};
}

// Found before hours are spent, not behind them.
Status check_rounding(const OptimizerOptions& options, const CalibrationSet& set) {
  const RoundingFrames wanted = rounding_frames(options);
  const auto count = set.count();
  if (!wanted.all_of_them || options.accept_few_frames || !count || *count >= wanted.most)
    return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("rounding by optimization wants at least {} calibration frames and there "
                          "are {}; add frames, take level 2, or --accept-few-images",
                          wanted.most, *count));
}

Result<HessianRoundingResult> round_model(const OptimizerOptions& options, CalibrationSet& set,
                                          const LayerWeights& weights, const StepProgress& progress,
                                          const std::shared_ptr<const Graph>& float_graph,
                                          QuantizedModel& model) {
  HessianRoundingOptions rounding;
  rounding.most_frames = rounding_frames(options).most;
  rounding.only_4_bit = options.level < OptimizationLevel::kBiasCorrection && options.script &&
                        options.script->adaround.mode == AdaroundMode::kTrain4Bit;
  rounding.threads = options.threads;
  return round_by_hessian(model, float_graph, weights, set, rounding, progress);
}

Status check_finetuning(const OptimizerOptions& options, const CalibrationSet& set) {
  QUANT_TRY(load_finetuning());
  const auto count = set.count();
  if (count && *count < options.finetune.least_frames) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("fine-tuning wants at least {} calibration frames and there are {}; "
                            "add frames, take level 1, or --accept-few-images",
                            options.finetune.least_frames, *count));
  }
  return {};
}

Status check_memory(const OptimizerOptions& options, const Algorithms& algorithms,
                    const CalibrationSet& set, const Graph& graph) {
  if (options.accept_memory) return {};
  const auto available = available_memory();
  if (!available) return {};
  const CompressionOptions compression = compression_options(options);
  const MemoryWork work{.frames = set.count().value_or(0),
                        .searches = algorithms.range_search || !options.wanted_db.empty() ||
                                    compression.share_in_4_bits > 0 ||
                                    compression.share_in_16_bits > 0,
                        .bias_correction = algorithms.bias_correction,
                        .finetuning = algorithms.finetuning,
                        .rounding_frames = algorithms.rounding ? rounding_frames(options).most : 0,
                        .threads = options.threads};
  return check_memory(estimate_memory(graph, work), work.frames, *available);
}

Status check_frames(const OptimizerOptions& options, const Algorithms& algorithms,
                    const CalibrationSet& set) {
  if (algorithms.finetuning) QUANT_TRY(check_finetuning(options, set));
  if (algorithms.rounding) QUANT_TRY(check_rounding(options, set));
  return {};
}

// Trains, rounds what was trained where weights are rounded, and takes it if the emulator finds it
// better than what was there, on the frames that trained nothing.
template <typename Step>
Status finetune_model(const OptimizerOptions& options, bool rounds, CalibrationSet& set,
                      const Step& step, OptimizedModel& result) {
  FinetuneOptions finetuning = options.finetune;
  finetuning.threads = options.threads;
  const StepProgress progress = step("fine-tuning");
  const auto report = [&](const FinetuneStatus& status) {
    return progress(status.done, status.total);
  };
  QUANT_TRY_ASSIGN(auto tuned, finetune(result.model, result.float_graph, result.chosen,
                                        result.plan, set, finetuning, report));
  PartOfSet held_back(set, finetuning.held_back, SetPart::kJudging);
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(result.float_graph, held_back,
                                       std::numeric_limits<std::int64_t>::max(), options.threads));
  QUANT_TRY_ASSIGN(const double before, judge.measure(result.model));
  result.finetuned = FinetuneGain{-before, -before};
  if (!tuned) return {};
  std::optional<HessianRoundingResult> rounded;
  if (rounds) {
    QUANT_TRY_ASSIGN(rounded,
                     round_model(options, set, tuned->weights, step("rounding trained weights"),
                                 result.float_graph, tuned->model));
  }
  QUANT_TRY_ASSIGN(const double after, judge.measure(tuned->model));
  if (!(after < before)) return {};
  result.finetuned->after = -after;
  result.model = std::move(tuned->model);
  result.chosen = std::move(tuned->ranges);
  if (rounded) result.rounded = std::move(rounded);
  return {};
}

}  // namespace

Status check_work(std::span<const std::byte> onnx, const OptimizerOptions& options,
                  const CalibrationSet& set) {
  const Algorithms algorithms = algorithms_of(options);
  QUANT_TRY(check_frames(options, algorithms, set));
  InputSpec input = options.input;
  QUANT_TRY_ASSIGN(const Graph graph, read_optimized(onnx, options.read, input));
  return check_memory(options, algorithms, set, graph);
}

Result<OptimizedModel> optimize(std::span<const std::byte> onnx, const OptimizerOptions& options,
                                CalibrationSet& frames, const OptimizerProgress& progress) {
  StoppableSet set(frames, options.stop);
  const auto step = [&](std::string_view name) {
    return [&options, &progress, name](std::int64_t done, std::int64_t total) {
      if (progress) progress(name, done, total);
      return !(options.stop && options.stop());
    };
  };
  const Algorithms algorithms = algorithms_of(options);
  QUANT_TRY(check_frames(options, algorithms, set));
  InputSpec input = options.input;
  QUANT_TRY_ASSIGN(Graph graph, read_optimized(onnx, options.read, input));
  if (is_quantized(graph)) return import_quantized(std::move(graph), input, options, set, progress);
  QUANT_TRY(check_memory(options, algorithms, set, graph));
  ScriptPlan script;
  if (options.script) {
    QUANT_TRY_ASSIGN(script, plan_script(*options.script, graph, options.scope));
  }
  QUANT_TRY(check_target(options.target, graph, script.plan));
  const std::vector<ValueId> given = values_with_given_range(script);
  if (algorithms.equalization) {
    const EqualizeOptions equalization{expected_plan(options, script.plan, graph), given,
                                       options.threads};
    QUANT_TRY_ASSIGN(graph, equalize(graph, set, equalization, step("equalizing")));
    QUANT_TRY(set.rewind());
  }
  if (!script.equalized_products.empty()) {
    QUANT_TRY_ASSIGN(graph, equalize_products(graph, set, script.equalized_products, given,
                                              options.threads, step("equalizing products")));
    QUANT_TRY(set.rewind());
  }
  OptimizedModel result;
  result.float_graph = std::make_shared<const Graph>(std::move(graph));
  result.plan = std::move(script.plan);
  result.notes = std::move(script.notes);
  QUANT_TRY(plan_output_encodings(script, result));

  const auto stride = judging_stride(options, set);
  std::optional<PartOfSet> learning_part;
  std::optional<PartOfSet> judging_part;
  if (stride) {
    learning_part.emplace(set, *stride, SetPart::kLearning);
    judging_part.emplace(set, *stride, SetPart::kJudging);
  }
  CalibrationSet& learning = stride ? static_cast<CalibrationSet&>(*learning_part) : set;
  CalibrationSet& judging = stride ? static_cast<CalibrationSet&>(*judging_part) : set;
  QUANT_TRY_ASSIGN(
      CalibrationResult calibrated,
      calibrate(result.float_graph, learning,
                calibration_options(options, algorithms.range_search, script, result.plan),
                step("calibrating")));
  result.seen = std::move(calibrated.seen);
  for (OutputEncoding& encoding : result.plan.encodings)
    encoding.ranges = calibrated.channels.at(encoding.output);
  if (calibrated.proposals.size() == 1) {
    result.chosen = std::move(calibrated.proposals.front());
  } else {
    RangeSearchOptions search;
    search.plan = result.plan;
    search.threads = options.threads;
    QUANT_TRY_ASSIGN(result.chosen, search_ranges(result.float_graph, input, calibrated.proposals,
                                                  learning, search, step("searching ranges")));
    RefineRangesOptions refine;
    refine.plan = result.plan;
    refine.given = given;
    refine.threads = options.threads;
    QUANT_TRY_ASSIGN(result.chosen,
                     refine_ranges(result.float_graph, input, std::move(result.chosen), learning,
                                   refine, step("refining ranges")));
  }
  QUANT_TRY(choose_precision(options, input, set, judging, step, given, result));
  if (result.precision) result.precision->held_back = stride.has_value();
  result.precision_lines = lines_of(*result.float_graph, result.plan);
  QUANT_TRY(split_layers(options, input, learning, step, result));
  result.chosen =
      ranges_with_headroom(*result.float_graph, result.plan, given, std::move(result.chosen));
  result.plan.encodings = encodings_with_headroom(*result.float_graph, result.plan);
  QUANT_TRY_ASSIGN(result.model, lower(*result.float_graph, input, result.chosen, result.plan));
  if (algorithms.bias_correction) {
    BiasCorrectionOptions correction;
    correction.threads = options.threads;
    QUANT_TRY(correct_biases(result.model, result.float_graph, set, correction,
                             step("correcting biases")));
  }
  if (algorithms.rounding) {
    QUANT_TRY_ASSIGN(result.rounded, round_model(options, set, {}, step("rounding weights"),
                                                 result.float_graph, result.model));
  }
  if (algorithms.finetuning)
    QUANT_TRY(finetune_model(options, algorithms.rounding, set, step, result));
  return result;
}

}  // namespace quant
