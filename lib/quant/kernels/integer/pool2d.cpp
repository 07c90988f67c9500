// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/pool2d.h"

#include <algorithm>
#include <array>

#include "quant/arithmetic/average.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Taps are collected on the stack; windows with more are finished in several rounds.
constexpr std::int64_t kMaxTaps = 64;

struct Interval {
  std::int64_t first = 0, last = 0;  // of kernel indices, [first, last)
  std::int64_t size() const { return last - first; }
};

// Kernel indices k with low ≤ start + k·dilation < high.
Interval clip(std::int64_t start, std::int64_t kernel, std::int64_t dilation, std::int64_t low,
              std::int64_t high) {
  const std::int64_t first = start >= low ? 0 : (low - start + dilation - 1) / dilation;
  const std::int64_t last = start >= high ? 0 : (high - 1 - start) / dilation + 1;
  return {std::min(first, kernel), std::max(std::min(last, kernel), std::min(first, kernel))};
}

// window(rows, columns, pixel, output pixel): the taps of one output inside the image.
template <typename Window>
void for_windows(const Pool2dShape& s, ThreadPool& pool, const Window& window) {
  pool.run(s.batch * s.out_h, [&](std::int64_t row, int) {
    const std::int64_t image = row / s.out_h;
    const std::int64_t start_y = row % s.out_h * s.stride_h - s.pad_top;
    const Interval rows = clip(start_y, s.kernel_h, s.dilation_h, 0, s.in_h);
    for (std::int64_t x = 0; x < s.out_w; ++x) {
      const std::int64_t start_x = x * s.stride_w - s.pad_left;
      const Interval columns = clip(start_x, s.kernel_w, s.dilation_w, 0, s.in_w);
      window(image, start_y, start_x, rows, columns, row * s.out_w + x);
    }
  });
}

// Addresses of the taps [from, …) of a window, at most kMaxTaps, counted row by row.
template <typename T>
std::int64_t collect(const Pool2dShape& s, const T* image, std::int64_t start_y,
                     std::int64_t start_x, Interval rows, Interval columns, std::int64_t from,
                     const T** taps) {
  const std::int64_t count = std::min(rows.size() * columns.size() - from, kMaxTaps);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t y = start_y + (rows.first + (from + i) / columns.size()) * s.dilation_h;
    const std::int64_t x = start_x + (columns.first + (from + i) % columns.size()) * s.dilation_w;
    taps[i] = image + (y * s.in_w + x) * s.channels;
  }
  return count;
}

}  // namespace

MaxPool2d::MaxPool2d(const MaxPool2dSpec& spec, Isa isa)
    : spec_(spec), isa_(all_bytes(spec.type) ? isa : Isa::kRef) {
  if (spec_.table && is_identity(*spec_.table)) spec_.table.reset();
}

void MaxPool2d::run(const void* input, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename T>(Element<T>) {
        run_as(static_cast<const T*>(input), static_cast<T*>(output), pool);
      },
      spec_.type);
}

template <typename T>
void MaxPool2d::run_as(const T* input, T* output, ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const Pool2dShape& s = spec_.shape;
  for_windows(
      s, pool,
      [&](std::int64_t image, std::int64_t start_y, std::int64_t start_x, Interval rows,
          Interval columns, std::int64_t pixel) {
        const T* in = input + image * s.in_h * s.in_w * s.channels;
        T* out = output + pixel * s.channels;
        std::array<const T*, kMaxTaps + 1> taps;
        std::int64_t count = collect(s, in, start_y, start_x, rows, columns, 0, taps.data());
        maximum_span(kernels, taps.data(), count, out, s.channels);
        for (std::int64_t done = count; done < rows.size() * columns.size(); done += count) {
          taps[0] = out;
          count = collect(s, in, start_y, start_x, rows, columns, done, taps.data() + 1);
          // Overlapping vectors may read what they have just written: a maximum does not change by
          // that.
          maximum_span(kernels, taps.data(), count + 1, out, s.channels);
        }
        if (spec_.table) lookup_span(kernels, out, out, s.channels, *spec_.table);
      });
}

AveragePool2d::AveragePool2d(const AveragePool2dSpec& spec, Isa isa)
    : spec_(spec), isa_(all_bytes(spec.input_type, spec.output_type) ? isa : Isa::kRef) {}

void AveragePool2d::run(const void* input, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        run_as(static_cast<const In*>(input), static_cast<Out*>(output), pool);
      },
      spec_.input_type, spec_.output_type);
}

template <typename In, typename Out>
void AveragePool2d::run_as(const In* input, Out* output, ThreadPool& pool) const {
  using Real = RuleReal<In, Out>;
  const SpanKernels& kernels = span_kernels(isa_);
  const Pool2dShape& s = spec_.shape;
  for_windows(
      s, pool,
      [&](std::int64_t image, std::int64_t start_y, std::int64_t start_x, Interval rows,
          Interval columns, std::int64_t pixel) {
        const In* in = input + image * s.in_h * s.in_w * s.channels;
        Out* out = output + pixel * s.channels;
        const std::int64_t inside = rows.size() * columns.size();
        std::int64_t divisor = inside;
        if (spec_.count_include_pad) {
          divisor =
              clip(start_y, s.kernel_h, s.dilation_h, -s.pad_top, s.in_h + s.pad_bottom).size() *
              clip(start_x, s.kernel_w, s.dilation_w, -s.pad_left, s.in_w + s.pad_right).size();
        }
        const SumRule<Real> rule{
            inside * spec_.input.zero_point,
            average_multiplier<Real>(spec_.input.scale, spec_.output_scale, divisor), spec_.output};
        std::array<const In*, kMaxTaps> taps;
        if (inside <= kMaxTaps) {
          collect(s, in, start_y, start_x, rows, columns, 0, taps.data());
          sum_rows_span(kernels, taps.data(), inside, rule, out, s.channels);
          return;
        }
        // Too many taps for one call: channel by channel. Such windows are rare and have few
        // outputs.
        for (std::int64_t c = 0; c < s.channels; ++c) {
          std::int64_t sum = -rule.offset;
          for (std::int64_t i = rows.first; i < rows.last; ++i) {
            for (std::int64_t j = columns.first; j < columns.last; ++j) {
              const std::int64_t y = start_y + i * s.dilation_h;
              const std::int64_t x = start_x + j * s.dilation_w;
              sum += in[(y * s.in_w + x) * s.channels + c];
            }
          }
          out[c] = requantize<Out>(sum, rule.multiplier, rule.output);
        }
      });
}

}  // namespace quant::integer
