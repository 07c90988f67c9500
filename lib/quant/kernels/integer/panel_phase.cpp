// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/panel_phase.h"

#include <algorithm>

#include "quant/base/round_up.h"

namespace quant::integer {

std::int64_t PanelTiling::group_lanes() const { return round_up(group_outputs, step); }

std::int64_t PanelTiling::width(std::int64_t index) const {
  return std::min(tile, group_lanes() - index * tile);
}

std::int64_t PanelTiling::channel_of(std::int64_t lane) const {
  const std::int64_t index = lane / tile;
  if (width(index) < tile) return lane;
  return index * tile + order[static_cast<std::size_t>(lane % tile)];
}

template <typename Panel>
PanelPhase<Panel>::PanelPhase(const Convolution& convolution, const Conv2dShape& shape,
                              const TapGeometry& all, const TapPhase& phase,
                              const PanelTiling& tiling)
    : geometry(phase),
      window(phase, all, convolution.group_inputs(), sizeof(typename Panel::Widened)) {
  place_runs(shape);
  pack(convolution, shape, tiling);
}

template <typename Panel>
void PanelPhase<Panel>::place_runs(const Conv2dShape& shape) {
  const bool merge = geometry.consecutive && shape.groups == 1;
  run_taps = merge ? std::max<std::int64_t>(geometry.taps_per_row, 1) : 1;
  run_steps = round_up(run_taps * window.pixel, Panel::kDepth) / Panel::kDepth;
  for (std::size_t tap = 0; tap < geometry.taps.size(); tap += static_cast<std::size_t>(run_taps))
    run_offsets.push_back(window.offset(geometry.taps[tap]));
}

template <typename Panel>
void PanelPhase<Panel>::pack(const Convolution& convolution, const Conv2dShape& shape,
                             const PanelTiling& tiling) {
  const std::int64_t group_inputs = convolution.group_inputs();
  const std::int64_t group_lanes = tiling.group_lanes();
  weights.assign(static_cast<std::size_t>(shape.groups * group_lanes * lane_weights()), 0);
  bias.assign(static_cast<std::size_t>(shape.groups * group_lanes), 0);
  for (std::int64_t group = 0; group < shape.groups; ++group) {
    for (std::int64_t lane = 0; lane < group_lanes; ++lane) {
      const std::int64_t channel = tiling.channel_of(lane);
      if (channel >= tiling.group_outputs) continue;
      const std::int64_t o = group * tiling.group_outputs + channel;
      const std::int64_t tile = lane / tiling.tile;
      const std::int64_t within = lane - tile * tiling.tile;
      auto* tile_weights =
          weights.data() + (group * group_lanes + tile * tiling.tile) * lane_weights();
      std::int64_t sum = convolution.bias[static_cast<std::size_t>(o)];
      for (std::size_t tap = 0; tap < geometry.taps.size(); ++tap) {
        const Tap& t = geometry.taps[tap];
        const auto index = static_cast<std::int64_t>(tap);
        const std::int64_t place =
            index / run_taps * run_steps * Panel::kDepth + index % run_taps * group_inputs;
        const std::int64_t from =
            ((o * shape.kernel_h + t.ky) * shape.kernel_w + t.kx) * group_inputs;
        for (std::int64_t c = 0; c < group_inputs; ++c) {
          const std::int16_t weight = convolution.weights[static_cast<std::size_t>(from + c)];
          put_weight<Panel>(tile_weights, tiling.width(tile), within, place + c, weight);
          const std::int32_t zero_point =
              convolution.zero_points[static_cast<std::size_t>(group * group_inputs + c)];
          sum -= std::int64_t{weight} * (zero_point - tiling.offset);
        }
      }
      bias[static_cast<std::size_t>(group * group_lanes + lane)] =
          folded_bias<typename Panel::Sum>(sum);
    }
  }
}

template struct PanelPhase<NarrowPanel>;
template struct PanelPhase<BytePanel>;
template struct PanelPhase<WordPanel<std::int8_t>>;
template struct PanelPhase<WordPanel<std::int16_t>>;
template struct PanelPhase<WidePanel>;

}  // namespace quant::integer
