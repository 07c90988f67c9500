// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/tap_geometry.h"

#include <algorithm>
#include <utility>

namespace quant::integer {
namespace {

struct AxisTap {
  std::int64_t offset = 0;  // in the input
  std::int64_t k = 0;
};

TapPhase make_phase(const std::vector<AxisTap>& vertical, const std::vector<AxisTap>& horizontal) {
  TapPhase phase;
  for (const AxisTap& v : vertical) {
    for (const AxisTap& h : horizontal) phase.taps.push_back({v.offset, h.offset, v.k, h.k});
  }
  phase.taps_per_row = static_cast<std::int64_t>(horizontal.size());
  phase.consecutive = true;
  for (std::size_t i = 1; i < horizontal.size(); ++i) {
    if (horizontal[i].offset != horizontal[i - 1].offset + 1) phase.consecutive = false;
  }
  return phase;
}

// The taps of one axis that reach outputs first, first + stride, …
std::vector<AxisTap> transposed_axis(std::int64_t first, std::int64_t kernel, std::int64_t stride,
                                     std::int64_t dilation, std::int64_t pad) {
  std::vector<AxisTap> taps;
  for (std::int64_t k = kernel - 1; k >= 0; --k) {
    const std::int64_t scaled = first + pad - k * dilation;
    if (scaled % stride == 0) taps.push_back({scaled / stride, k});
  }
  return taps;
}

}  // namespace

TapGeometry conv2d_taps(const Conv2dShape& s) {
  std::vector<AxisTap> vertical;
  std::vector<AxisTap> horizontal;
  for (std::int64_t k = 0; k < s.kernel_h; ++k) {
    vertical.push_back({k * s.dilation_h - s.pad_top, k});
  }
  for (std::int64_t k = 0; k < s.kernel_w; ++k) {
    horizontal.push_back({k * s.dilation_w - s.pad_left, k});
  }
  TapGeometry geometry;
  geometry.in_step_h = s.stride_h;
  geometry.in_step_w = s.stride_w;
  TapPhase phase = make_phase(vertical, horizontal);
  phase.rows = s.out_h;
  phase.columns = s.out_w;
  geometry.phases.push_back(std::move(phase));
  return geometry;
}

TapGeometry conv_transpose2d_taps(const Conv2dShape& s) {
  TapGeometry geometry;
  geometry.out_step_h = s.stride_h;
  geometry.out_step_w = s.stride_w;
  for (std::int64_t y = 0; y < std::min(s.stride_h, s.out_h); ++y) {
    const auto vertical = transposed_axis(y, s.kernel_h, s.stride_h, s.dilation_h, s.pad_top);
    for (std::int64_t x = 0; x < std::min(s.stride_w, s.out_w); ++x) {
      const auto horizontal = transposed_axis(x, s.kernel_w, s.stride_w, s.dilation_w, s.pad_left);
      TapPhase phase = make_phase(vertical, horizontal);
      phase.out_y = y;
      phase.out_x = x;
      phase.rows = (s.out_h - y + s.stride_h - 1) / s.stride_h;
      phase.columns = (s.out_w - x + s.stride_w - 1) / s.stride_w;
      geometry.phases.push_back(std::move(phase));
    }
  }
  return geometry;
}

}  // namespace quant::integer
