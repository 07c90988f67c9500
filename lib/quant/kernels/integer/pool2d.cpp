// SPDX-License-Identifier: MIT
// A row of outputs in two steps: the rows of its windows into one, all of them at once, then the
// windows along that one.
#include "quant/kernels/integer/pool2d.h"

#include <algorithm>
#include <array>

#include "quant/arithmetic/average.h"
#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Rows that one call takes, on the stack.
constexpr std::int64_t kMaxRows = 64;

struct Interval {
  std::int64_t first = 0, last = 0;  // [first, last)
  std::int64_t size() const { return last - first; }
};

// Kernel indices k with low ≤ start + k·dilation < high.
Interval clip(std::int64_t start, std::int64_t kernel, std::int64_t dilation, std::int64_t low,
              std::int64_t high) {
  const std::int64_t first = start >= low ? 0 : (low - start + dilation - 1) / dilation;
  const std::int64_t last = start >= high ? 0 : (high - 1 - start) / dilation + 1;
  return {std::min(first, kernel), std::max(std::min(last, kernel), std::min(first, kernel))};
}

// Outputs of a row whose windows lie inside the image from left to right.
Interval whole_windows(const Pool2dShape& s) {
  const std::int64_t first = (s.pad_left + s.stride_w - 1) / s.stride_w;
  const std::int64_t room = s.in_w - 1 - (s.kernel_w - 1) * s.dilation_w + s.pad_left;
  const std::int64_t last = room < 0 ? 0 : room / s.stride_w + 1;
  const std::int64_t begin = std::min(first, s.out_w);
  return {begin, std::clamp(last, begin, s.out_w)};
}

// windows(windows, first element in the row of sums or maxima, first output, taps of each): those
// inside the image in one call, the others one by one.
template <typename Windows>
void for_windows(const Pool2dShape& s, const Interval& whole, const Windows& windows) {
  const std::int64_t tap_step = s.dilation_w * s.channels;
  const auto clipped = [&](std::int64_t x) {
    const std::int64_t start = x * s.stride_w - s.pad_left;
    const Interval taps = clip(start, s.kernel_w, s.dilation_w, 0, s.in_w);
    windows(RowWindows{1, 0, taps.size(), tap_step, s.channels},
            (start + taps.first * s.dilation_w) * s.channels, x);
  };
  for (std::int64_t x = 0; x < whole.first; ++x) clipped(x);
  if (whole.size() > 0) {
    RowWindows inside{whole.size(), s.stride_w * s.channels, s.kernel_w, tap_step, s.channels};
    // Neighbours: as good as one window of more channels.
    if (s.stride_w == 1) inside = {1, 0, s.kernel_w, tap_step, whole.size() * s.channels};
    windows(inside, (whole.first * s.stride_w - s.pad_left) * s.channels, whole.first);
  }
  for (std::int64_t x = whole.last; x < s.out_w; ++x) clipped(x);
}

// The rows [rows.first + from, …) of the windows that begin at start_y, at most kMaxRows.
template <typename T>
std::int64_t collect(const Pool2dShape& s, const T* image, std::int64_t start_y, Interval rows,
                     std::int64_t from, const T** taps) {
  const std::int64_t count = std::min(rows.size() - from, kMaxRows);
  for (std::int64_t i = 0; i < count; ++i)
    taps[i] = image + (start_y + (rows.first + from + i) * s.dilation_h) * s.in_w * s.channels;
  return count;
}

// Bytes of one thread's row of `element` bytes each.
std::size_t row_bytes(const Pool2dShape& s, std::size_t element) {
  const std::size_t bytes = static_cast<std::size_t>(s.in_w * s.channels) * element;
  return round_up(bytes, kBufferAlignment);
}

// What the average sums up in.
template <typename Real>
using Sum = std::conditional_t<std::is_same_v<Real, float>, std::int32_t, std::int64_t>;

}  // namespace

MaxPool2d::MaxPool2d(const MaxPool2dSpec& spec, Isa isa) : spec_(spec), isa_(isa) {
  if (spec_.table && is_identity(*spec_.table)) spec_.table.reset();
}

std::size_t MaxPool2d::scratch_bytes(int threads) const {
  return static_cast<std::size_t>(threads) * row_bytes(spec_.shape, size_of(spec_.type));
}

void MaxPool2d::run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const {
  with_elements(
      [&]<typename T>(Element<T>) {
        run_as(static_cast<const T*>(input), static_cast<T*>(output), scratch, pool);
      },
      spec_.type);
}

template <typename T>
void MaxPool2d::run_as(const T* input, T* output, std::byte* scratch, ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const Pool2dShape& s = spec_.shape;
  const Interval whole = whole_windows(s);
  const std::int64_t in_row = s.in_w * s.channels;
  const std::int64_t out_row = s.out_w * s.channels;
  pool.run(s.batch * s.out_h, [&](std::int64_t row, int worker) {
    const T* image = input + row / s.out_h * s.in_h * in_row;
    const std::int64_t start_y = row % s.out_h * s.stride_h - s.pad_top;
    const Interval rows = clip(start_y, s.kernel_h, s.dilation_h, 0, s.in_h);
    auto* greatest =
        reinterpret_cast<T*>(scratch + static_cast<std::size_t>(worker) * row_bytes(s, sizeof(T)));
    std::array<const T*, kMaxRows + 1> taps;
    std::int64_t count = collect(s, image, start_y, rows, 0, taps.data());
    kernels.of<T>().maximum(taps.data(), count, greatest, in_row);
    for (std::int64_t done = count; done < rows.size(); done += count) {
      taps[0] = greatest;
      count = collect(s, image, start_y, rows, done, taps.data() + 1);
      // Overlapping vectors may read what they have just written: a maximum does not change by
      // that.
      kernels.of<T>().maximum(taps.data(), count + 1, greatest, in_row);
    }
    T* out = output + row * out_row;
    for_windows(s, whole, [&](const RowWindows& windows, std::int64_t from, std::int64_t x) {
      kernels.of<T>().maximum_windows(windows, greatest + from, out + x * s.channels);
    });
    if (spec_.table) lookup_span(kernels, out, out, out_row, *spec_.table);
  });
}

AveragePool2d::AveragePool2d(const AveragePool2dSpec& spec, Isa isa)
    : spec_(spec), isa_(all_bytes(spec.input_type, spec.output_type) ? isa : Isa::kRef) {}

std::size_t AveragePool2d::scratch_bytes(int threads) const {
  const bool bytes = all_bytes(spec_.input_type, spec_.output_type);
  return static_cast<std::size_t>(threads) *
         row_bytes(spec_.shape, bytes ? sizeof(Sum<float>) : sizeof(Sum<double>));
}

void AveragePool2d::run(const void* input, void* output, std::byte* scratch,
                        ThreadPool& pool) const {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        run_as(static_cast<const In*>(input), static_cast<Out*>(output), scratch, pool);
      },
      spec_.input_type, spec_.output_type);
}

template <typename In, typename Out>
void AveragePool2d::run_as(const In* input, Out* output, std::byte* scratch,
                           ThreadPool& pool) const {
  using Real = RuleReal<In, Out>;
  const SpanKernels& kernels = span_kernels(isa_);
  const Pool2dShape& s = spec_.shape;
  const Interval whole = whole_windows(s);
  const std::int64_t in_row = s.in_w * s.channels;
  pool.run(s.batch * s.out_h, [&](std::int64_t row, int worker) {
    const In* image = input + row / s.out_h * s.in_h * in_row;
    const std::int64_t start_y = row % s.out_h * s.stride_h - s.pad_top;
    const Interval rows = clip(start_y, s.kernel_h, s.dilation_h, 0, s.in_h);
    auto* sums = reinterpret_cast<Sum<Real>*>(scratch + static_cast<std::size_t>(worker) *
                                                            row_bytes(s, sizeof(Sum<Real>)));
    std::fill_n(sums, in_row, 0);
    std::array<const In*, kMaxRows> taps;
    for (std::int64_t done = 0; done < rows.size();) {
      const std::int64_t count = collect(s, image, start_y, rows, done, taps.data());
      add_rows_span(kernels, taps.data(), count, sums, in_row);
      done += count;
    }
    const std::int64_t padded_rows =
        clip(start_y, s.kernel_h, s.dilation_h, -s.pad_top, s.in_h + s.pad_bottom).size();
    Out* out = output + row * s.out_w * s.channels;
    for_windows(s, whole, [&](const RowWindows& windows, std::int64_t from, std::int64_t x) {
      const std::int64_t inside = rows.size() * windows.taps;
      std::int64_t divisor = inside;
      if (spec_.count_include_pad) {
        divisor = padded_rows * clip(x * s.stride_w - s.pad_left, s.kernel_w, s.dilation_w,
                                     -s.pad_left, s.in_w + s.pad_right)
                                    .size();
      }
      const SumRule<Real> rule{
          inside * spec_.input.zero_point,
          average_multiplier<Real>(spec_.input.scale, spec_.output_scale, divisor), spec_.output};
      sum_windows_span(kernels, windows, sums + from, rule, out + x * s.channels);
    });
  });
}

}  // namespace quant::integer
