// SPDX-License-Identifier: MIT
#include "quant/optimize/calibrate.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/engine/float_executor.h"
#include "quant/optimize/output_encoding.h"

namespace quant {
namespace {

std::vector<ValueId> observed_values(const Graph& graph) {
  std::vector<ValueId> ids(graph.inputs);
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && graph.value(id).type == DataType::kFloat32) ids.push_back(id);
    }
  }
  return ids;
}

Range propose(const HistogramObserver& histogram, Range seen, RangeMethod method,
              double percentile) {
  switch (method) {
    case RangeMethod::kMinMax:
      return seen;
    case RangeMethod::kPercentile:
      return percentile_range(histogram, percentile);
    case RangeMethod::kMse:
      return mse_range(histogram, 8);
    case RangeMethod::kEntropy:
      return entropy_range(histogram, 8);
  }
  return seen;
}

}  // namespace

Result<CalibrationResult> calibrate(const std::shared_ptr<const Graph>& graph, CalibrationSet& set,
                                    const CalibrationOptions& options,
                                    const StepProgress& progress) {
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(graph, options.threads));
  const std::vector<ValueId> ids = observed_values(*graph);
  const bool two_passes =
      !options.percentiles.empty() ||
      std::any_of(options.methods.begin(), options.methods.end(),
                  [](RangeMethod method) { return method != RangeMethod::kMinMax; });
  const std::int64_t total = set.count().value_or(0) * (two_passes ? 2 : 1);
  std::int64_t done = 0;

  const auto pass = [&](const auto& observe) -> Status {
    for (;;) {
      QUANT_TRY_ASSIGN(const auto frame, set.next());
      if (!frame) return {};
      std::vector<Tensor> tapped;
      QUANT_TRY(executor.run_with_taps(*frame, ids, tapped));
      for (std::size_t i = 0; i < ids.size(); ++i)
        observe(i, std::as_const(tapped[i]).template data<float>());
      ++done;
      QUANT_TRY(report(progress, done, total));
    }
  };

  std::vector<MinMaxObserver> extremes(ids.size());
  std::map<ValueId, ChannelExtremes> channels;
  for (const auto& [id, axis] : options.channel_axes)
    channels.emplace(id, ChannelExtremes(graph->value(id).shape, axis));
  QUANT_TRY(pass([&](std::size_t i, std::span<const float> values) {
    extremes[i].observe(values);
    if (const auto watched = channels.find(ids[i]); watched != channels.end())
      watched->second.observe(values);
  }));
  if (done == 0) return fail(ErrorCode::kInvalidArgument, "the calibration set is empty");
  const std::int64_t frames = done;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (extremes[i].non_finite() == 0) continue;
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} values of this tensor are NaN or infinite on the calibration set",
                            extremes[i].non_finite()),
                graph->value(ids[i]).name);
  }

  CalibrationResult result;
  result.frames = frames;
  for (const auto& [id, extreme] : channels) result.channels[id] = extreme.ranges();
  result.seen.resize(graph->values.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    result.seen[static_cast<std::size_t>(ids[i])] = extremes[i].range();
  result.proposals.assign(options.methods.size(), result.seen);
  const auto decide = [&](ValueId id, Range range) {
    for (auto& proposal : result.proposals) proposal[static_cast<std::size_t>(id)] = range;
  };
  const auto decide_forced = [&] {
    for (const auto& [id, range] : options.forced) decide(id, range);
  };
  decide_forced();
  if (!two_passes) return result;

  std::vector<HistogramObserver> histograms;
  histograms.reserve(ids.size());
  for (const MinMaxObserver& observer : extremes) histograms.emplace_back(observer.range());
  QUANT_TRY(set.rewind());
  QUANT_TRY(
      pass([&](std::size_t i, std::span<const float> values) { histograms[i].observe(values); }));
  for (std::size_t method = 0; method < options.methods.size(); ++method) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      result.proposals[method][static_cast<std::size_t>(ids[i])] =
          propose(histograms[i], extremes[i].range(), options.methods[method], options.percentile);
    }
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto cut = options.percentiles.find(ids[i]);
    if (cut != options.percentiles.end())
      decide(ids[i], percentile_range(histograms[i], cut->second.low, cut->second.high));
  }
  decide_forced();
  return result;
}

}  // namespace quant
