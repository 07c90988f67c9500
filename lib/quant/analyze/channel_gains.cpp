// SPDX-License-Identifier: MIT
#include "quant/analyze/channel_gains.h"

#include <algorithm>
#include <cmath>

#include "quant/analyze/integer_weights.h"
#include "quant/optimize/equalize.h"

namespace quant {
namespace {

constexpr double kSame = 1e-5;  // float32 rounding of a scale and of a weight

}  // namespace

double weight_gain(std::span<const double> real, std::span<const double> reference, double step,
                   double largest) {
  double peak = 0;
  double product = 0;
  double energy = 0;
  for (std::size_t i = 0; i < real.size(); ++i) {
    peak = std::max(peak, std::abs(reference[i]));
    product += real[i] * reference[i];
    energy += reference[i] * reference[i];
  }
  if (!(peak > 0)) return 1;
  const double by_peak = largest * step / peak;
  bool rounds_to_it = true;
  for (std::size_t i = 0; i < real.size(); ++i)
    rounds_to_it = rounds_to_it && std::abs(real[i] - by_peak * reference[i]) <= 0.501 * step;
  const double gain = rounds_to_it ? by_peak : product / energy;
  return std::isfinite(gain) && gain > 0 && std::abs(gain - 1) > kSame ? gain : 1;
}

ChannelGains channel_gains(const Graph& float_network, const Graph& integer) {
  ChannelGains gains;
  for (const EqualizablePath& path : equalizable_paths(float_network, {})) {
    const Node& node = float_network.nodes[path.producer];
    const auto layer = std::find_if(integer.nodes.begin(), integer.nodes.end(),
                                    [&](const Node& other) { return other.name == node.name; });
    const Tensor& weights = *float_network.value(node.inputs[1]).constant;
    if (layer == integer.nodes.end() || layer->op != OpKind::kConv) continue;
    const IntegerWeights stored(integer, *layer);
    if (stored.elements() != static_cast<std::size_t>(weights.elements())) continue;
    const auto input = gains.find(node.inputs[0]);
    const std::size_t outputs = stored.outputs();
    const std::size_t each = stored.elements() / outputs;
    const auto source = weights.data<float>();
    std::vector<double> channels(outputs);
    std::vector<double> real(each);
    std::vector<double> reference(each);
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t i = 0; i < each; ++i) {
        const std::size_t at = o * each + i;
        const double incoming = input == gains.end() ? 1 : input->second[stored.input_channel(at)];
        real[i] = stored.level(at) * stored.step(o);
        reference[i] = source[at] * stored.input_scale(at) / incoming;
      }
      channels[o] = weight_gain(real, reference, stored.step(o), stored.largest());
    }
    const bool scaled =
        std::any_of(channels.begin(), channels.end(), [](double gain) { return gain != 1; });
    if (!scaled) continue;
    for (const ValueId id : path.quantized) gains[id] = channels;
  }
  return gains;
}

}  // namespace quant
