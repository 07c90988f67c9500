// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/panel_gather.h"

#include <algorithm>

namespace quant::integer {
namespace {

constexpr std::int64_t kNoOffset = 0;

}  // namespace

template <typename Panel>
PanelGather<Panel>::PanelGather(const PanelKernel<Panel>& kernel, const Convolution& convolution,
                                const Conv2dShape& shape, const TapGeometry& geometry)
    : kernel_(&kernel),
      in_h_(shape.in_h),
      in_w_(shape.in_w),
      in_c_(shape.in_c),
      group_inputs_(convolution.group_inputs()),
      step_h_(geometry.in_step_h),
      step_w_(geometry.in_step_w),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))) {
  std::int64_t taps = 1;
  for (const TapPhase& phase : geometry.phases) taps = std::max(taps, phase.taps_per_row);
  const auto append = [&]<typename In>(In) {
    const std::vector<In> levels(convolution.zero_points.begin(), convolution.zero_points.end());
    const auto* bytes = reinterpret_cast<const std::byte*>(levels.data());
    for (std::int64_t tap = 0; tap < taps; ++tap)
      zero_points_.insert(zero_points_.end(), bytes, bytes + levels.size() * sizeof(In));
  };
  if (convolution.input_type == DataType::kUint8) {
    append(std::uint8_t{});
  } else {
    append(std::uint16_t{});
  }
}

template <typename Panel>
void PanelGather<Panel>::gather(const PanelPhase<Panel>& phase, const std::byte* image,
                                std::int64_t y, std::int64_t x, std::int64_t count,
                                std::int64_t group, typename Panel::Widened* out) const {
  const bool row_inside = y >= phase.first_y && y < phase.last_y;
  const std::int64_t end = x + count;
  const std::int64_t first = row_inside ? std::clamp(phase.first_x, x, end) : end;
  const std::int64_t last = row_inside ? std::clamp(phase.last_x, first, end) : end;
  const std::int64_t stride = phase.row_stride();
  if (x < first) gather_border(phase, image, {y, x, first, group}, out);
  if (first < last) {
    WidenJob<Panel> job;
    const std::byte* source = pixel(image, {y, first, last, group});
    job.source = source;
    job.pixels = last - first;
    job.pixel_step = step_w_ * in_c_;
    job.offsets = phase.run_offsets.data();
    job.runs = static_cast<std::int64_t>(phase.runs.size());
    job.length = phase.run_taps * group_inputs_;
    job.out_run_stride = phase.run_stride;
    job.out = out + (first - x) * stride;
    job.out_stride = stride;
    // Rows are gathered in their order in memory.
    const std::int64_t beyond =
        (job.pixels - 1) * job.pixel_step + phase.run_offsets.back() + kOverrun;
    const std::byte* image_end = image + in_h_ * in_w_ * in_c_ * in_size_;
    job.overrun = beyond * in_size_ <= image_end - source;
    kernel_->widen(job);
  }
  if (last < end) gather_border(phase, image, {y, last, end, group}, out + (last - x) * stride);
}

// The tap (0, 0) of a span's first pixel.
template <typename Panel>
const std::byte* PanelGather<Panel>::pixel(const std::byte* image, const Span& span) const {
  const std::int64_t at = span.y * step_h_ * in_w_ + span.first * step_w_;
  return image + (at * in_c_ + span.group * group_inputs_) * in_size_;
}

// Run by run, as each has its own columns inside.
template <typename Panel>
void PanelGather<Panel>::gather_border(const PanelPhase<Panel>& phase, const std::byte* image,
                                       const Span& span, typename Panel::Widened* out) const {
  const std::int64_t stride = phase.row_stride();
  const std::int64_t length = phase.run_taps * group_inputs_;
  for (std::size_t index = 0; index < phase.runs.size(); ++index) {
    const TapRun& run = phase.runs[index];
    const std::int64_t in_y = span.y * step_h_ + run.dy;
    auto* place = out + run.place;
    if (in_y < 0 || in_y >= in_h_) {
      fill(phase, length, span, place);
      continue;
    }
    const std::int64_t first = std::clamp(run.first_x, span.first, span.last);
    const std::int64_t last = std::clamp(run.last_x, first, span.last);
    gather_taps(phase, run, image, {span.y, span.first, first, span.group}, place);
    if (first < last) {
      kernel_->widen({pixel(image, {span.y, first, last, span.group}), last - first,
                      step_w_ * in_c_, &phase.run_offsets[index], 1, length, 0,
                      place + (first - span.first) * stride, stride});
    }
    gather_taps(phase, run, image, {span.y, last, span.last, span.group},
                place + (last - span.first) * stride);
  }
}

// A run of which some taps lie beside the image, or all.
template <typename Panel>
void PanelGather<Panel>::gather_taps(const PanelPhase<Panel>& phase, const TapRun& run,
                                     const std::byte* image, const Span& span,
                                     typename Panel::Widened* out) const {
  if (span.count() == 0) return;
  if (phase.run_taps == 1) return fill(phase, group_inputs_, span, out);
  for (std::int64_t x = span.first; x < span.last; ++x, out += phase.row_stride()) {
    const Span one{span.y, x, x + 1, span.group};
    for (std::int64_t i = 0; i < phase.run_taps; ++i) {
      const Tap& tap = phase.geometry.taps[static_cast<std::size_t>(run.tap + i)];
      const std::int64_t in_x = x * step_w_ + tap.dx;
      auto* place = out + i * group_inputs_;
      if (in_x < 0 || in_x >= in_w_) {
        fill(phase, group_inputs_, one, place);
      } else {
        const std::int64_t offset = (tap.dy * in_w_ + tap.dx) * in_c_;
        kernel_->widen({pixel(image, one), 1, 0, &offset, 1, group_inputs_, 0, place, 0});
      }
    }
  }
}

// The first `length` elements of each of a span's pixels are zero points.
template <typename Panel>
void PanelGather<Panel>::fill(const PanelPhase<Panel>& phase, std::int64_t length, const Span& span,
                              typename Panel::Widened* out) const {
  kernel_->widen({zero_points_.data() + span.group * group_inputs_ * in_size_, span.count(), 0,
                  &kNoOffset, 1, length, 0, out, phase.row_stride()});
}

template class PanelGather<NarrowPanel>;
template class PanelGather<BytePanel>;
template class PanelGather<WordPanel<std::int8_t>>;
template class PanelGather<WordPanel<std::int16_t>>;
template class PanelGather<WidePanel>;

}  // namespace quant::integer
