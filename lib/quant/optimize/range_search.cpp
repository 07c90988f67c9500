// SPDX-License-Identifier: MIT
#include "quant/optimize/range_search.h"

#include <limits>

#include "quant/optimize/lower.h"
#include "quant/optimize/noise_gain.h"
#include "quant/optimize/output_noise.h"

namespace quant {
namespace {

// In dB; less is not worth a choice.
constexpr double kLeastGain = 0.01;

}  // namespace

Result<std::vector<Range>> search_ranges(const std::shared_ptr<const Graph>& graph,
                                         const InputSpec& input,
                                         std::span<const std::vector<Range>> proposals,
                                         CalibrationSet& set, const RangeSearchOptions& options,
                                         const StepProgress& progress) {
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(graph, set, options.most_frames, options.threads));
  const auto trials = static_cast<std::int64_t>(proposals.size() * (graph->nodes.size() + 1));
  std::int64_t done = 0;
  const auto advance = [&] { return report(progress, ++done, trials); };

  std::vector<Range> best;
  std::vector<std::vector<NoiseEnergies>> least;  // of the best
  for (const std::vector<Range>& ranges : proposals) {
    QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph, input, ranges, options.plan));
    QUANT_TRY_ASSIGN(auto noise, judge.energies(model));
    if (best.empty() || noise_gain(least, noise).is_real(kLeastGain)) {
      least = std::move(noise);
      best = ranges;
    }
    QUANT_TRY(advance());
  }
  for (const Node& node : graph->nodes) {
    for (const std::vector<Range>& ranges : proposals) {
      std::vector<Range> trial = best;
      for (const ValueId id : node.outputs) {
        if (id != kNoValue)
          trial[static_cast<std::size_t>(id)] = ranges[static_cast<std::size_t>(id)];
      }
      QUANT_TRY(advance());
      if (trial == best) continue;
      QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph, input, trial, options.plan));
      QUANT_TRY_ASSIGN(auto noise, judge.energies(model));
      if (!noise_gain(least, noise).is_real(kLeastGain)) continue;
      least = std::move(noise);
      best = std::move(trial);
    }
  }
  return best;
}

}  // namespace quant
