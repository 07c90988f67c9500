// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/panel_window.h"

#include <algorithm>

namespace quant::integer {
namespace {

// Windows of several taps share rows with their neighbours: the more rows, the fewer are widened
// twice, and the second-level cache is near enough to read them from. What shares nothing stays in
// the first-level cache, beside a tile of weights.
constexpr std::int64_t kSharedBytes = 64 * 1024;
constexpr std::int64_t kOwnBytes = 24 * 1024;
// Columns where a row is too long for either.
constexpr std::int64_t kLeastColumns = 4 * kPanelRows;

WindowAxis make_axis(std::int64_t low, std::int64_t high, std::int64_t in_step) {
  if (low == high) return {low, in_step, in_step, 1, 1};
  return {low, in_step, 1, in_step, high - low + 1};
}

}  // namespace

PanelWindow::PanelWindow(const TapPhase& phase, const TapGeometry& all, std::int64_t group_inputs,
                         std::int64_t element_bytes)
    : pixel(group_inputs) {
  if (!phase.taps.empty()) {
    const Tap& first = phase.taps.front();
    const Tap& last = phase.taps.back();
    vertical = make_axis(first.dy, last.dy, all.in_step_h);
    horizontal = make_axis(first.dx, last.dx, all.in_step_w);
  }
  const std::int64_t most = (one_tap() ? kOwnBytes : kSharedBytes) / element_bytes;
  const auto fit = [&](std::int64_t r, std::int64_t c) {
    return vertical.places(r) * horizontal.places(c) * pixel <= most;
  };
  columns = phase.columns;
  while (columns > kLeastColumns && !fit(1, columns))
    columns = (columns - 1) / kPanelRows * kPanelRows;
  rows = 1;
  while (rows < phase.rows && fit(rows + 1, columns)) ++rows;
  row_stride = horizontal.places(columns) * pixel;
}

template <typename Panel>
PanelWidening<Panel>::PanelWidening(const PanelKernel<Panel>& kernel,
                                    const Convolution& convolution, const Conv2dShape& shape)
    : kernel_(&kernel),
      in_h_(shape.in_h),
      in_w_(shape.in_w),
      in_c_(shape.in_c),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))) {
  const auto take = [&]<typename In>(In) {
    const std::vector<In> levels(convolution.zero_points.begin(), convolution.zero_points.end());
    const auto* bytes = reinterpret_cast<const std::byte*>(levels.data());
    zero_pixel_.assign(bytes, bytes + levels.size() * sizeof(In));
  };
  if (convolution.input_type == DataType::kUint8) {
    take(std::uint8_t{});
  } else {
    take(std::uint16_t{});
  }
}

template <typename Panel>
void PanelWidening<Panel>::reserve(const PanelWindow& window) {
  const auto columns = static_cast<std::size_t>(window.horizontal.places(window.columns));
  while (zero_row_.size() < columns * zero_pixel_.size())
    zero_row_.insert(zero_row_.end(), zero_pixel_.begin(), zero_pixel_.end());
}

template <typename Panel>
void PanelWidening<Panel>::fill(const PanelWindow& window, const OutputRectangle& outputs,
                                const std::byte* image, std::int64_t group,
                                typename Panel::Widened* out) const {
  const WindowAxis& v = window.vertical;
  const WindowAxis& h = window.horizontal;
  const std::int64_t rows = v.places(outputs.rows);
  const std::int64_t columns = h.places(outputs.columns);
  const std::int64_t first_x = h.input(outputs.x);
  // Places [left, right) lie inside.
  const auto places_before = [&](std::int64_t in_x) {
    return in_x <= 0 ? 0 : std::min(columns, (in_x + h.spacing - 1) / h.spacing);
  };
  const std::int64_t left = places_before(-first_x);
  const std::int64_t right = std::max(left, places_before(in_w_ - first_x));
  const std::int64_t channel = group * window.pixel;
  const std::byte* zeros = zero_row_.data() + channel * in_size_;
  const auto put = [&](const std::byte* source, std::int64_t spacing, std::int64_t first,
                       std::int64_t end) {
    if (first == end) return;
    kernel_->widen({source, end - first, spacing * in_c_, window.pixel, out + first * window.pixel,
                    window.pixel});
  };
  for (std::int64_t row = 0; row < rows; ++row, out += window.row_stride) {
    const std::int64_t y = v.input(outputs.y) + row * v.spacing;
    if (y < 0 || y >= in_h_) {
      put(zeros, 1, 0, columns);
      continue;
    }
    const std::int64_t pixel = y * in_w_ + first_x + left * h.spacing;
    put(zeros, 1, 0, left);
    put(image + (pixel * in_c_ + channel) * in_size_, h.spacing, left, right);
    put(zeros, 1, right, columns);
  }
}

template class PanelWidening<NarrowPanel>;
template class PanelWidening<BytePanel>;
template class PanelWidening<WordPanel<std::int8_t>>;
template class PanelWidening<WordPanel<std::int16_t>>;
template class PanelWidening<WidePanel>;

}  // namespace quant::integer
