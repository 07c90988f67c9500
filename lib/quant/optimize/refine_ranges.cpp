// SPDX-License-Identifier: MIT
#include "quant/optimize/refine_ranges.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "quant/optimize/lower.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/part_of_set.h"

namespace quant {
namespace {

// In dB: less than this is luck of the frames.
constexpr double kLeastGain = 0.003;
// From so many frames on, two halves of them judge, and both have to gain: what helps the one and
// not the other is their luck.
constexpr std::int64_t kLeastParted = 16;
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
             std::vector<OutputNoise> judges, const RefineRangesOptions& options)
      : graph_(std::move(graph)),
        input_(input),
        ranges_(std::move(ranges)),
        judges_(std::move(judges)),
        options_(options) {}

  Result<std::vector<Range>> run(const StepProgress& progress) {
    QUANT_TRY_ASSIGN(QuantizedModel model, lower(*graph_, input_, ranges_, options_.plan));
    for (OutputNoise& judge : judges_) {
      QUANT_TRY_ASSIGN(const double noise, judge.measure(model));
      least_.push_back(noise);
    }
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

  float end_of(const Group& group, End end) const {
    float result = 0;
    for (const ValueId id : group) {
      const Range& range = ranges_[static_cast<std::size_t>(id)];
      result = end == End::kLow ? std::min(result, range.min) : std::max(result, range.max);
    }
    return result;
  }

  Status draw_in(const Group& group, End end) {
    int steps = 0;
    for (const float step : kSteps) {
      for (; steps < kMostSteps; ++steps) {
        const float limit = end_of(group, end) * step;
        if (limit == 0) return {};
        QUANT_TRY_ASSIGN(const bool better, try_limit(group, end, limit));
        if (!better) break;
      }
    }
    return {};
  }

  Result<bool> try_limit(const Group& group, End end, float limit) {
    std::vector<Range> trial = ranges_;
    for (const ValueId id : group) {
      Range& range = trial[static_cast<std::size_t>(id)];
      if (end == End::kLow)
        range.min = std::max(range.min, limit);
      else
        range.max = std::min(range.max, limit);
    }
    QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph_, input_, trial, options_.plan));
    std::vector<double> found;
    for (std::size_t i = 0; i < judges_.size(); ++i) {
      QUANT_TRY_ASSIGN(const double noise, judges_[i].measure(model));
      if (noise > least_[i] - kLeastGain) return false;
      found.push_back(noise);
    }
    least_ = std::move(found);
    ranges_ = std::move(trial);
    return true;
  }

  std::shared_ptr<const Graph> graph_;
  const InputSpec& input_;
  std::vector<Range> ranges_;
  std::vector<OutputNoise> judges_;
  const RefineRangesOptions& options_;
  std::vector<double> least_;  // by judge
};

}  // namespace

Result<std::vector<Range>> refine_ranges(std::shared_ptr<const Graph> graph, const InputSpec& input,
                                         std::vector<Range> ranges, CalibrationSet& set,
                                         const RefineRangesOptions& options,
                                         const StepProgress& progress) {
  // Frames by turns; what the set has beyond most_frames is not looked at.
  std::vector<OutputNoise> judges;
  if (set.count().value_or(0) >= kLeastParted) {
    for (const SetPart part : {SetPart::kLearning, SetPart::kJudging}) {
      PartOfSet half(set, 2, part);
      QUANT_TRY_ASSIGN(OutputNoise judge,
                       OutputNoise::create(graph, half, options.most_frames / 2, options.threads));
      judges.push_back(std::move(judge));
    }
  } else {
    QUANT_TRY_ASSIGN(OutputNoise judge,
                     OutputNoise::create(graph, set, options.most_frames, options.threads));
    judges.push_back(std::move(judge));
  }
  return Refinement(std::move(graph), input, std::move(ranges), std::move(judges), options)
      .run(progress);
}

}  // namespace quant
