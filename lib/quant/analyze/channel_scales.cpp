// SPDX-License-Identifier: MIT
#include "quant/analyze/channel_scales.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "quant/analyze/integer_weights.h"
#include "quant/optimize/channel_classes.h"
#include "quant/optimize/scale_channels.h"
#include "quant/optimize/split_channels.h"

namespace quant {
namespace {

constexpr double kSame = 1e-5;  // float32 rounding of a scale and of a weight
constexpr double kLeastScaled = 0.8;
constexpr double kMostScaled = 1.25;

class ChannelScales {
 public:
  ChannelScales(const Graph& network, const Graph& integer)
      : network_(network),
        integer_(integer),
        classes_(channel_classes(network, {})),
        found_(classes_.count) {}

  ScaledNetwork run() {
    for (const Node& node : network_.nodes) {
      if (is_plain_convolution(network_, node)) read(node);
    }
    ScaledNetwork result{network_, {}};
    std::vector<double> divisors;
    for (const WeightScale& found : found_) divisors.push_back(1 / found.scale);
    scale_channels(result.network, classes_, divisors);
    for (std::size_t id = 0; id < classes_.of.size(); ++id) {
      const auto& labels = classes_.of[id];
      const bool scaled = std::any_of(labels.begin(), labels.end(), [&](std::int32_t label) {
        return scale_of(label) < kLeastScaled || scale_of(label) > kMostScaled;
      });
      if (scaled) result.scaled.insert(network_.values[id].name);
    }
    return result;
  }

 private:
  double scale_of(std::int32_t label) const {
    return label == kFixedScale ? 1 : found_[static_cast<std::size_t>(label)].scale;
  }

  // What the weights of a convolution say of the channels it makes, those that it reads known.
  void read(const Node& node) {
    const auto& made = classes_.of[static_cast<std::size_t>(node.outputs[0])];
    const auto& inputs = classes_.of[static_cast<std::size_t>(node.inputs[0])];
    const auto layer = std::find_if(integer_.nodes.begin(), integer_.nodes.end(),
                                    [&](const Node& other) { return other.name == node.name; });
    if (made.empty() || layer == integer_.nodes.end() || layer->op != OpKind::kConv) return;
    const IntegerWeights stored(integer_, *layer);
    const Tensor& weights = *network_.value(node.inputs[1]).constant;
    if (stored.elements() != static_cast<std::size_t>(weights.elements())) return;
    const std::size_t each = stored.elements() / stored.outputs();
    const auto source = weights.data<float>();
    std::vector<double> real(each);
    std::vector<double> reference(each);
    std::vector<double> steps(each);
    for (std::size_t o = 0; o < stored.outputs(); ++o) {
      if (made[o] == kFixedScale) continue;
      WeightScale& found = found_[static_cast<std::size_t>(made[o])];
      if (found.exact) continue;
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t at = o * each + i;
        const double in = inputs.empty() ? 1 : scale_of(inputs[stored.input_channel(at)]);
        real[i] = stored.level(at) * stored.step(o);
        steps[i] = stored.step_of(at);
        reference[i] = source[at] * stored.input_scale(at) / in;
      }
      const WeightScale here =
          weight_scale(real, reference, steps, stored.largest() * stored.step(o));
      // Of several that make the class, the first exact one; else the first that says anything.
      if (here.exact || found.scale == 1) found = here;
    }
  }

  const Graph& network_;
  const Graph& integer_;
  const ChannelClasses classes_;
  std::vector<WeightScale> found_;  // by class
};

}  // namespace

WeightScale weight_scale(std::span<const double> real, std::span<const double> reference,
                         std::span<const double> steps, double largest) {
  double peak = 0;
  double product = 0;
  double energy = 0;
  for (std::size_t i = 0; i < real.size(); ++i) {
    peak = std::max(peak, std::abs(reference[i]));
    product += real[i] * reference[i];
    energy += reference[i] * reference[i];
  }
  if (!(peak > 0)) return {};
  const double by_peak = largest / peak;
  WeightScale result{by_peak, true};
  for (std::size_t i = 0; i < real.size(); ++i)
    result.exact = result.exact && std::abs(real[i] - by_peak * reference[i]) <= 0.501 * steps[i];
  if (!result.exact) result.scale = product / energy;
  if (!std::isfinite(result.scale) || !(result.scale > 0)) return {};
  if (std::abs(result.scale - 1) <= kSame) result.scale = 1;
  return result;
}

ScaledNetwork with_channel_scales(const Graph& network, const Graph& integer) {
  return ChannelScales(network, integer).run();
}

Result<ScaledNetwork> with_copies_and_scales(const Graph& network, const Graph& integer) {
  const std::vector<ChannelSplit> splits = splits_of(network, integer);
  std::vector<ChannelSplit> unshifted = splits;
  for (ChannelSplit& split : unshifted) split.step = 0;
  PlannedNetwork planned{network, {}, std::vector<Range>(network.values.size())};
  QUANT_TRY_ASSIGN(const PlannedNetwork copied, split_channels(planned, unshifted));
  ScaledNetwork result = with_channel_scales(copied.graph, integer);
  // Steps are those of scaled channels.
  for (const ChannelSplit& split : splits) shift_copies(result.network, split);
  return result;
}

}  // namespace quant
