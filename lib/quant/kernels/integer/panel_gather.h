// SPDX-License-Identifier: MIT
// From pixels of an image to rows of widened activations, zero points where a tap lies beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_phase.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {

template <typename Panel>
class PanelGather {
 public:
  // `shape` and `geometry` are the image's in which pixels are counted. `kernel` outlives this.
  PanelGather(const PanelKernel<Panel>& kernel, const Convolution& convolution,
              const Conv2dShape& shape, const TapGeometry& geometry);

  // `count` outputs of row y of a phase, from column x on: of each, the taps of one group's
  // channels, at phase.row_stride() elements a row. May write kOverrun elements behind the last
  // row: gather rows in their order in memory. Reentrant.
  void gather(const PanelPhase<Panel>& phase, const std::byte* image, std::int64_t y,
              std::int64_t x, std::int64_t count, std::int64_t group,
              typename Panel::Widened* out) const;

 private:
  struct Span {
    std::int64_t y = 0, first = 0, last = 0;  // columns [first, last) of row y
    std::int64_t group = 0;
    std::int64_t count() const { return last - first; }
  };

  const std::byte* pixel(const std::byte* image, const Span& span) const;
  void gather_border(const PanelPhase<Panel>& phase, const std::byte* image, const Span& span,
                     typename Panel::Widened* out) const;
  void gather_taps(const PanelPhase<Panel>& phase, const TapRun& run, const std::byte* image,
                   const Span& span, typename Panel::Widened* out) const;
  void fill(const PanelPhase<Panel>& phase, std::int64_t length, const Span& span,
            typename Panel::Widened* out) const;

  const PanelKernel<Panel>* kernel_;
  std::int64_t in_h_, in_w_, in_c_, group_inputs_;
  std::int64_t step_h_, step_w_;
  std::int64_t in_size_;                // of an element, in bytes
  std::vector<std::byte> zero_points_;  // (taps of the longest run, in_c), in the input's type
};

}  // namespace quant::integer
