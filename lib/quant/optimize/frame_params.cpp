// SPDX-License-Identifier: MIT
#include "quant/optimize/frame_params.h"

#include <algorithm>
#include <cmath>

namespace quant {
namespace {

bool all_equal(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](float value) { return value == values.front(); });
}

}  // namespace

QuantParams pixel_params() {
  QuantParams params;
  params.scale = {1.0F};
  params.zero_point = {0.0F};
  params.range_min = 0;
  params.range_max = 255;
  return params;
}

std::optional<QuantParams> frame_params(const Graph& graph, const InputSpec& input,
                                        const std::vector<bool>& host) {
  const auto found = std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.op == OpKind::kNormalization;
  });
  if (found == graph.nodes.end() || host[static_cast<std::size_t>(found - graph.nodes.begin())])
    return std::nullopt;
  const bool padding_fits = std::all_of(input.mean.begin(), input.mean.end(), [](float mean) {
    return std::nearbyint(mean) >= 0 && std::nearbyint(mean) <= 255;
  });
  const bool positive =
      std::all_of(input.std.begin(), input.std.end(), [](float std) { return std > 0; });
  if (!padding_fits || !positive) return std::nullopt;

  QuantParams params;
  params.axis = 1;
  for (std::size_t c = 0; c < input.mean.size(); ++c) {
    params.scale.push_back(static_cast<float>(1.0 / input.std[c]));
    params.zero_point.push_back(input.mean[c]);
    const float low = (0.0F - input.mean[c]) / input.std[c];
    const float high = (255.0F - input.mean[c]) / input.std[c];
    params.range_min = c == 0 ? low : std::min(params.range_min, low);
    params.range_max = c == 0 ? high : std::max(params.range_max, high);
  }
  if (all_equal(input.mean) && all_equal(input.std) &&
      input.mean[0] == std::nearbyint(input.mean[0])) {
    params.scale.resize(1);
    params.zero_point.resize(1);
    params.axis = 0;
    return params;
  }
  const ValueId normalized = found->outputs[0];
  const bool output =
      std::find(graph.outputs.begin(), graph.outputs.end(), normalized) != graph.outputs.end();
  const auto readers = consumers(graph)[static_cast<std::size_t>(normalized)];
  const bool only_convolutions = std::all_of(
      readers.begin(), readers.end(),
      [&](std::size_t reader) { return graph.nodes[reader].op == OpKind::kConv && !host[reader]; });
  if (output || !only_convolutions) return std::nullopt;
  // One channel counts as per channel too: the zero point may have a fraction.
  return params;
}

}  // namespace quant
