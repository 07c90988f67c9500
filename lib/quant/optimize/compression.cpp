// SPDX-License-Identifier: MIT
#include "quant/optimize/compression.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/optimize/lower.h"
#include "quant/optimize/lower_weighted.h"
#include "quant/optimize/output_noise.h"
#include "quant/optimize/partition.h"

namespace quant {
namespace {

struct Candidate {
  std::size_t node;
  double weights;    // how many
  double added = 0;  // noise over signal that 4 bits add at the outputs, averaged
};

// Averages the outputs' ratios: what one output suffers counts as much as the others'.
double mean_of(const std::vector<std::optional<double>>& ratios) {
  double sum = 0;
  int counted = 0;
  for (const auto& ratio : ratios) {
    if (!ratio) continue;
    sum += *ratio;
    ++counted;
  }
  return counted == 0 ? 0 : sum / counted;
}

void use_four_bits(LayerPlan& layer) {
  layer.precision.weight_bits = 4;
  if (layer.scaling.clip == WeightScaling::Clip::kNone)
    layer.scaling.clip = WeightScaling::Clip::kMse;
}

// Layers with 8-bit weights, and how many weights all layers have.
Result<std::vector<Candidate>> find_candidates(const Graph& graph, const QuantizationPlan& plan,
                                               double& total) {
  QUANT_TRY_ASSIGN(const std::vector<bool> host, partition(graph));
  std::vector<Candidate> result;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    // Normalization of the frame has no weights that were learned.
    if (host[node] || graph.nodes[node].op == OpKind::kNormalization) continue;
    const auto layer = channel_layer(graph, graph.nodes[node]);
    if (!layer) continue;
    const auto count = static_cast<double>(layer->weights.elements());
    total += count;
    if (plan.layer(node).precision.weight_bits == 8) result.push_back({node, count});
  }
  return result;
}

}  // namespace

Result<QuantizationPlan> compress_weights(std::shared_ptr<const Graph> graph,
                                          const InputSpec& input, const std::vector<Range>& ranges,
                                          const QuantizationPlan& plan, CalibrationSet& set,
                                          const CompressionOptions& options,
                                          const StepProgress& progress) {
  if (options.share_in_4_bits < 0 || options.share_in_16_bits < 0 ||
      options.share_in_4_bits + options.share_in_16_bits > 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{:g} of the weights in 4 bits and {:g} in 16 are more than all",
                            options.share_in_4_bits, options.share_in_16_bits));
  }
  QuantizationPlan result = plan;
  if (result.layers.empty()) result.layers.resize(graph->nodes.size());
  double total = 0;
  QUANT_TRY_ASSIGN(std::vector<Candidate> candidates, find_candidates(*graph, result, total));
  QUANT_TRY_ASSIGN(OutputNoise judge,
                   OutputNoise::create(graph, set, options.most_frames, options.threads));
  const auto noise_of = [&](const QuantizationPlan& trial) -> Result<double> {
    QUANT_TRY_ASSIGN(const QuantizedModel model, lower(*graph, input, ranges, trial));
    QUANT_TRY_ASSIGN(const auto ratios, judge.ratios(model));
    return mean_of(ratios);
  };
  QUANT_TRY_ASSIGN(const double base, noise_of(result));
  std::int64_t done = 0;
  for (Candidate& candidate : candidates) {
    QuantizationPlan trial = result;
    use_four_bits(trial.layers[candidate.node]);
    QUANT_TRY_ASSIGN(const double noise, noise_of(trial));
    candidate.added = std::max(noise - base, 0.0);
    QUANT_TRY(report(progress, ++done, static_cast<std::int64_t>(candidates.size())));
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) {
                     return a.added / a.weights < b.added / b.weights;
                   });
  double taken = 0;
  auto four = candidates.begin();
  for (; four != candidates.end() && taken < options.share_in_4_bits * total; ++four) {
    use_four_bits(result.layers[four->node]);
    taken += four->weights;
  }
  taken = 0;
  for (auto wide = candidates.end(); wide != four && taken < options.share_in_16_bits * total;) {
    --wide;
    result.layers[wide->node].precision = {16, 16, 16};
    taken += wide->weights;
  }
  return result;
}

}  // namespace quant
