// SPDX-License-Identifier: MIT
// The constant half of a panel convolution: one phase's weights in tiles, the input zero points
// folded into the bias, and where an output's taps lie.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_weights.h"
#include "quant/kernels/integer/panel_window.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {

// Output channels in tiles of the micro-kernel, and what it wants of them.
struct PanelTiling {
  std::int64_t tile = 0;            // PanelKernel::tile
  std::int64_t step = 0;            // PanelKernel::step
  std::int64_t group_outputs = 0;   // channels
  std::vector<std::int32_t> order;  // PanelKernel::channel_order
  std::int32_t offset = 0;          // PanelKernel::offset

  template <typename Panel>
  PanelTiling(const PanelKernel<Panel>& kernel, std::int64_t channels)
      : tile(kernel.tile),
        step(kernel.step),
        group_outputs(channels),
        order(static_cast<std::size_t>(kernel.tile)),
        offset(kernel.offset) {
    kernel.channel_order(order.data());
  }

  std::int64_t tiles() const { return (group_outputs + tile - 1) / tile; }
  // Output channels of a group, rounded up to what the tiles hold.
  std::int64_t group_lanes() const;
  // The last tile is only as wide as it has to be.
  std::int64_t width(std::int64_t index) const;
  // Output channel, inside the group, of a packed lane; group_outputs and more: of none.
  std::int64_t channel_of(std::int64_t lane) const;
};

template <typename Panel>
struct PanelPhase {
  TapPhase geometry;
  PanelWindow window;
  // Neighbouring taps that lie together in memory are one run, and begin a step.
  std::int64_t run_taps = 0;                    // of each
  std::int64_t run_steps = 0;                   // of each
  std::vector<std::int64_t> run_offsets;        // in a window, from an output's first tap
  std::vector<typename Panel::Weight> weights;  // (groups, tiles), each as in panel_weights.h
  std::vector<typename Panel::Sum> bias;        // (groups, group_lanes)

  // `geometry` is one of `all`'s; shape: its image's.
  PanelPhase(const Convolution& convolution, const Conv2dShape& shape, const TapGeometry& all,
             const TapPhase& geometry, const PanelTiling& tiling);

  std::int64_t runs() const { return static_cast<std::int64_t>(run_offsets.size()); }
  // Of an output.
  std::int64_t steps() const { return runs() * run_steps; }
  std::int64_t lane_weights() const { return weights_of_lane<Panel>(steps()); }

 private:
  void place_runs(const Conv2dShape& shape);
  void pack(const Convolution& convolution, const Conv2dShape& shape, const PanelTiling& tiling);
};

}  // namespace quant::integer
