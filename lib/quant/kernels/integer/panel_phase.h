// SPDX-License-Identifier: MIT
// The constant half of a panel convolution: one phase's weights in tiles, the input zero points
// folded into the bias, and where a pixel's taps lie.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_weights.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {

// Whether activations lie in runs of whole steps: those can be multiplied in place, where they need
// no widening.
template <typename Panel>
inline constexpr bool kRuns = Panel::kDepth == 4;

// Output channels in tiles of the micro-kernel.
struct PanelTiling {
  std::int64_t tile = 0;            // lanes
  std::int64_t group_outputs = 0;   // channels
  std::vector<std::int32_t> order;  // PanelKernel::channel_order

  template <typename Panel>
  PanelTiling(const PanelKernel<Panel>& kernel, std::int64_t channels)
      : tile(kernel.tile), group_outputs(channels), order(static_cast<std::size_t>(kernel.tile)) {
    kernel.channel_order(order.data());
  }

  std::int64_t tiles() const { return (group_outputs + tile - 1) / tile; }
  // Output channels of a group, rounded up to what the tiles hold.
  std::int64_t group_lanes() const;
  // The last tile is half as wide where that is enough.
  std::int64_t width(std::int64_t index) const;
  // Output channel, inside the group, of a packed lane; group_outputs and more: of none.
  std::int64_t channel_of(std::int64_t lane) const;
};

// Neighbouring taps that lie together in memory.
struct TapRun {
  std::int64_t tap = 0;  // the first, in TapPhase::taps
  std::int64_t dy = 0;
  std::int64_t place = 0;  // in a pixel's row, in elements
  // Output columns whose taps of this run all lie inside the image: [first_x, last_x).
  std::int64_t first_x = 0, last_x = 0;
};

template <typename Panel>
struct PanelPhase {
  TapPhase geometry;
  std::int64_t run_taps = 0;    // of each run
  std::int64_t run_stride = 0;  // of the runs of a pixel's row; with padding, if any
  std::int64_t steps = 0;       // of a row: k / kDepth, rounded up
  std::vector<TapRun> runs;
  std::vector<std::int64_t> run_offsets;        // of each run, from the tap (0, 0), in elements
  std::vector<typename Panel::Weight> weights;  // (groups, tiles), each as in panel_weights.h
  std::vector<typename Panel::Sum> bias;        // (groups, group_lanes)
  // Outputs whose taps all lie inside the image: rows [first_y, last_y), columns [first_x, last_x).
  std::int64_t first_y = 0, last_y = 0, first_x = 0, last_x = 0;

  // `geometry` is one of `all`'s; shape: its image's.
  PanelPhase(const Convolution& convolution, const Conv2dShape& shape, const TapGeometry& all,
             const TapPhase& geometry, const PanelTiling& tiling);

  std::int64_t row_stride() const { return Panel::kDepth * steps; }
  std::int64_t lane_weights() const { return weights_of_lane<Panel>(steps); }
  // Panels of one block: small enough to stay in the first-level cache beside a weight tile, and
  // many enough that big weights are read from far away only once per several panels.
  std::int64_t block_panels() const;

 private:
  void place_runs(const Conv2dShape& shape, const TapGeometry& all, std::int64_t group_inputs);
  void pack(const Convolution& convolution, const Conv2dShape& shape, const PanelTiling& tiling);
};

inline constexpr std::int64_t kMaxBlockPanels = 16;

}  // namespace quant::integer
