// SPDX-License-Identifier: MIT
#include "quant/optimize/split_search.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>

#include "quant/optimize/lower.h"
#include "quant/optimize/noise_gain.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/precision_parts.h"

namespace quant {
namespace {

// In dB, mean of the outputs; less is not worth more layers.
constexpr double kLeastGain = 0.3;
constexpr int kMostCopies = 8;

double products_of(const Graph& graph) {
  const std::vector<double> products = multiplications(graph);
  return std::accumulate(products.begin(), products.end(), 0.0);
}

using Energies = std::vector<std::vector<NoiseEnergies>>;

class Search {
 public:
  Search(const PlannedNetwork& network, const InputSpec& input, OutputNoise judge,
         const SplitSearchOptions& options)
      : network_(network),
        input_(input),
        judge_(std::move(judge)),
        options_(options),
        products_(products_of(network.graph)) {}

  Result<SplitSearchResult> run(const StepProgress& progress) {
    QUANT_TRY_ASSIGN(const QuantizedModel model,
                     lower(network_.graph, input_, network_.ranges, network_.plan));
    QUANT_TRY_ASSIGN(before_, judge_.energies(model));
    const std::vector<ChannelSplit> candidates = find_candidates(model.integer);
    noise_ = before_;
    struct Single {
      ChannelSplit split;
      double worth;  // dB per share of the products
    };
    std::vector<Single> singles;
    const auto total = 2 * static_cast<std::int64_t>(candidates.size());
    std::int64_t done = 0;
    for (const ChannelSplit& candidate : candidates) {
      QUANT_TRY_ASSIGN(const auto trial, try_splits({candidate}));
      if (trial && trial->gain.is_real(kLeastGain))
        singles.push_back({candidate, trial->gain.db / (trial->added + 1e-3)});
      QUANT_TRY(report(progress, ++done, total));
    }
    std::stable_sort(singles.begin(), singles.end(),
                     [](const Single& a, const Single& b) { return a.worth > b.worth; });
    done = total - static_cast<std::int64_t>(singles.size());
    for (const Single& single : singles) {
      QUANT_TRY(grow(single.split));
      QUANT_TRY(report(progress, ++done, total));
    }
    return SplitSearchResult{splits_, added_, noise_gain(before_, noise_).db};
  }

 private:
  struct Trial {
    NoiseGain gain;  // against noise_
    double added;
    Energies noise;
  };

  std::vector<ChannelSplit> find_candidates(const Graph& integer) const {
    std::vector<ChannelSplit> result;
    for (std::size_t node = 0; node < network_.graph.nodes.size(); ++node) {
      const double step = step_of(network_.graph, node, integer);
      if (step > 0 && can_split(network_.graph, node))
        result.push_back({network_.graph.nodes[node].name, 2, step});
    }
    return result;
  }

  // Nothing where they add too many products.
  Result<std::optional<Trial>> try_splits(const std::vector<ChannelSplit>& splits) {
    QUANT_TRY_ASSIGN(const PlannedNetwork split, split_channels(network_, splits));
    const double added = products_of(split.graph) / products_ - 1;
    if (added > options_.most_added) return std::nullopt;
    QUANT_TRY_ASSIGN(const QuantizedModel model,
                     lower(split.graph, input_, split.ranges, split.plan));
    QUANT_TRY_ASSIGN(Energies noise, judge_.energies(model));
    const NoiseGain gain = noise_gain(noise_, noise);
    return Trial{gain, added, std::move(noise)};
  }

  // Takes it, with twice the copies as long as they gain.
  Status grow(const ChannelSplit& split) {
    std::vector<ChannelSplit> trial = splits_;
    trial.push_back(split);
    for (; trial.back().copies <= kMostCopies; trial.back().copies *= 2) {
      QUANT_TRY_ASSIGN(auto result, try_splits(trial));
      if (!result || !result->gain.is_real(kLeastGain)) return {};
      splits_ = trial;
      added_ = result->added;
      noise_ = std::move(result->noise);
    }
    return {};
  }

  const PlannedNetwork& network_;
  const InputSpec& input_;
  OutputNoise judge_;
  const SplitSearchOptions& options_;
  const double products_;
  Energies before_;
  Energies noise_;  // of splits_
  std::vector<ChannelSplit> splits_;
  double added_ = 0;
};

}  // namespace

Result<SplitSearchResult> search_splits(const PlannedNetwork& network, const InputSpec& input,
                                        CalibrationSet& set, const SplitSearchOptions& options,
                                        const StepProgress& progress) {
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(std::make_shared<const Graph>(network.graph), set,
                                       options.most_frames, options.threads));
  return Search(network, input, std::move(judge), options).run(progress);
}

}  // namespace quant
