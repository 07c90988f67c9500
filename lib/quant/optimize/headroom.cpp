// SPDX-License-Identifier: MIT
#include "quant/optimize/headroom.h"

#include <algorithm>

#include "quant/optimize/plan_precision.h"

namespace quant {

std::vector<Range> ranges_with_headroom(const Graph& graph, const QuantizationPlan& plan,
                                        const std::vector<ValueId>& given,
                                        std::vector<Range> ranges) {
  constexpr float kHeadroom = 1.25F;
  std::vector<PrecisionMode> modes;
  for (std::size_t node = 0; node < graph.nodes.size(); ++node)
    modes.push_back(plan.layer(node).precision);
  const std::vector<int> bits = value_bits(graph, modes);
  for (std::size_t id = 0; id < ranges.size(); ++id) {
    const bool is_given =
        std::find(given.begin(), given.end(), static_cast<ValueId>(id)) != given.end();
    if (bits[id] != 16 || is_given) continue;
    ranges[id] = {ranges[id].min * kHeadroom, ranges[id].max * kHeadroom};
  }
  return ranges;
}

}  // namespace quant
