// SPDX-License-Identifier: MIT
#include "quant/optimize/refine_ranges.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "quant/optimize/lower.h"
#include "quant/optimize/noise_gain.h"
#include "quant/optimize/output_noise.h"

namespace quant {
namespace {

// In dB; less is not worth a step.
constexpr double kLeastGain = 0.003;
// What is left of an end after one step.
constexpr float kSteps[] = {0.8F, 0.93F};
constexpr int kMostSteps = 12;
// The best end of one range depends on those of the others.
constexpr int kPasses = 2;

enum class End { kLow, kHigh };

// Values of the float graph that have one and the same parameters in the integer graph.
using Group = std::vector<ValueId>;

class Refinement {
 public:
  Refinement(std::shared_ptr<const Graph> graph, const InputSpec& input, std::vector<Range> ranges,
             OutputNoise judge, const RefineRangesOptions& options)
      : graph_(std::move(graph)),
        input_(input),
        ranges_(std::move(ranges)),
        judge_(std::move(judge)),
        options_(options) {}

  Result<std::vector<Range>> run(const StepProgress& progress) {
    QUANT_TRY_ASSIGN(QuantizedModel model, lower(*graph_, input_, ranges_, options_.plan));
    QUANT_TRY_ASSIGN(noise_, judge_.energies(model));
    const std::vector<Group> groups = groups_of(model.integer);
    const auto total = 2 * kPasses * static_cast<std::int64_t>(groups.size());
    std::int64_t done = 0;
    for (int pass = 0; pass < kPasses; ++pass) {
      for (const Group& group : groups) {
        for (const End end : {End::kLow, End::kHigh}) {
          QUANT_TRY(draw_in(group, end));
          QUANT_TRY(report(progress, ++done, total));
        }
      }
    }
    return std::move(ranges_);
  }

 private:
  // In the order of the integer graph; those without a given range.
  std::vector<Group> groups_of(const Graph& integer) const {
    using Key = std::tuple<DataType, float, float>;
    std::map<Key, std::size_t> known;
    std::vector<Group> groups;
    for (const Node& node : integer.nodes) {
      for (const ValueId id : node.outputs) {
        if (id == kNoValue || !integer.value(id).quant) continue;
        const QuantParams& params = *integer.value(id).quant;
        const auto original = graph_->find_value(integer.value(id).name);
        if (!original) continue;
        const auto [place, fresh] =
            known.try_emplace({params.type, params.range_min, params.range_max}, groups.size());
        if (fresh) groups.emplace_back();
        groups[place->second].push_back(*original);
      }
    }
    std::erase_if(groups, [this](const Group& group) {
      return std::any_of(group.begin(), group.end(), [this](ValueId id) {
        return std::find(options_.given.begin(), options_.given.end(), id) != options_.given.end();
      });
    });
    return groups;
  }

  static float end_of(const Group& group, End end, const std::vector<Range>& ranges) {
    float result = 0;
    for (const ValueId id : group) {
      const Range& range = ranges[static_cast<std::size_t>(id)];
      result = end == End::kLow ? std::min(result, range.min) : std::max(result, range.max);
    }
    return result;
  }

  struct Trial {
    std::vector<Range> ranges;
    std::vector<std::vector<NoiseEnergies>> noise;
  };

  // As far as each step lowers the noise, and there only if all of them together did so beyond the
  // luck of the frames: one step alone changes little.
  Status draw_in(const Group& group, End end) {
    int steps = 0;
    for (const float step : kSteps) {
      Trial best{ranges_, noise_};
      for (; steps < kMostSteps; ++steps) {
        const float limit = end_of(group, end, best.ranges) * step;
        if (limit == 0) return {};
        QUANT_TRY_ASSIGN(Trial trial, try_limit(group, end, limit, best.ranges));
        if (noise_gain(best.noise, trial.noise).db < kLeastGain) break;
        best = std::move(trial);
      }
      if (!noise_gain(noise_, best.noise).is_real(kLeastGain)) continue;
      ranges_ = std::move(best.ranges);
      noise_ = std::move(best.noise);
    }
    return {};
  }

  Result<Trial> try_limit(const Group& group, End end, float limit, std::vector<Range> ranges) {
    for (const ValueId id : group) {
      Range& range = ranges[static_cast<std::size_t>(id)];
      if (end == End::kLow)
        range.min = std::max(range.min, limit);
      else
        range.max = std::min(range.max, limit);
    }
    QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph_, input_, ranges, options_.plan));
    QUANT_TRY_ASSIGN(auto noise, judge_.energies(model));
    return Trial{std::move(ranges), std::move(noise)};
  }

  std::shared_ptr<const Graph> graph_;
  const InputSpec& input_;
  std::vector<Range> ranges_;
  OutputNoise judge_;
  const RefineRangesOptions& options_;
  std::vector<std::vector<NoiseEnergies>> noise_;  // of ranges_
};

}  // namespace

Result<std::vector<Range>> refine_ranges(std::shared_ptr<const Graph> graph, const InputSpec& input,
                                         std::vector<Range> ranges, CalibrationSet& set,
                                         const RefineRangesOptions& options,
                                         const StepProgress& progress) {
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(graph, set, options.most_frames, options.threads));
  return Refinement(std::move(graph), input, std::move(ranges), std::move(judge), options)
      .run(progress);
}

}  // namespace quant
