// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/resize2d.h"

#include <algorithm>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Output rows of one task: neighbours share input rows that are resampled once.
constexpr std::int64_t kTaskRows = 8;
constexpr int kMaxTaps = 4;

bool takes_nearest(const ResizeAxis& axis) {
  return axis.taps == 1 && std::all_of(axis.weight.begin(), axis.weight.end(),
                                       [](double weight) { return weight == 1.0; });
}

// Of one resampled row.
std::size_t row_bytes(const Resize2dSpec& spec) {
  const std::size_t real =
      all_bytes(spec.input_type, spec.output_type) ? sizeof(float) : sizeof(double);
  const std::size_t bytes =
      static_cast<std::size_t>(spec.horizontal.out_size * spec.channels) * real;
  return round_up(bytes, kBufferAlignment);
}

std::vector<float> rounded(const std::vector<double>& weights) {
  return {weights.begin(), weights.end()};
}

// rows(image, first output row, last, worker): every task.
template <typename Rows>
void for_tasks(const Resize2dSpec& spec, ThreadPool& pool, const Rows& rows) {
  const std::int64_t out_size = spec.vertical.out_size;
  const std::int64_t tasks = (out_size + kTaskRows - 1) / kTaskRows;
  pool.run(spec.batch * tasks, [&](std::int64_t task, int worker) {
    const std::int64_t begin = task % tasks * kTaskRows;
    rows(task / tasks, begin, std::min(begin + kTaskRows, out_size), worker);
  });
}

// Row of one image resampled horizontally.
template <typename In, typename Real>
void weigh_row(const Resize2dSpec& spec, const SpanKernels& kernels, const In* row,
               const Real* weights, Real* out) {
  const ResizeAxis& axis = spec.horizontal;
  const In* taps[kMaxTaps];
  for (std::int64_t x = 0; x < axis.out_size; ++x) {
    const std::int64_t first = x * axis.taps;
    for (int t = 0; t < axis.taps; ++t) {
      taps[t] = row + axis.index[static_cast<std::size_t>(first + t)] * spec.channels;
    }
    weigh_elements_span(kernels, taps, weights + first, axis.taps, spec.input.zero_point,
                        out + x * spec.channels, spec.channels);
  }
}

}  // namespace

Resize2d::Resize2d(const Resize2dSpec& spec, Isa isa)
    : spec_(spec),
      vertical_weights_(rounded(spec.vertical.weight)),
      horizontal_weights_(rounded(spec.horizontal.weight)),
      nearest_(spec.input_type == spec.output_type && takes_nearest(spec.vertical) &&
               takes_nearest(spec.horizontal)),
      isa_(spec.input_type == spec.output_type ? isa : Isa::kRef) {
  if (!nearest_) return;
  table_ = make_requantize_table(spec.input, spec.output_scale, spec.output, spec.input_type,
                                 spec.output_type);
  if (is_identity(*table_)) table_.reset();
}

std::size_t Resize2d::scratch_bytes(int threads) const {
  return nearest_ ? 0
                  : static_cast<std::size_t>(threads) *
                        static_cast<std::size_t>(spec_.vertical.taps) * row_bytes(spec_);
}

void Resize2d::run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        const auto* in = static_cast<const In*>(input);
        auto* out = static_cast<Out*>(output);
        if constexpr (std::is_same_v<In, Out>) {
          if (nearest_) return run_nearest(in, out, pool);
        }
        run_weighted(in, out, scratch, pool);
      },
      spec_.input_type, spec_.output_type);
}

// A copy per pixel.
template <typename T>
void Resize2d::run_nearest(const T* input, T* output, ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const ResizeAxis& vertical = spec_.vertical;
  const ResizeAxis& horizontal = spec_.horizontal;
  const std::int64_t channels = spec_.channels;
  const std::int64_t in_row = horizontal.in_size * channels;
  const std::int64_t out_row = horizontal.out_size * channels;
  for_tasks(spec_, pool, [&](std::int64_t image, std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t y = begin; y < end; ++y) {
      T* out = output + (image * vertical.out_size + y) * out_row;
      const std::int32_t source = vertical.index[static_cast<std::size_t>(y)];
      if (y > begin && source == vertical.index[static_cast<std::size_t>(y - 1)]) {
        std::copy_n(out - out_row, out_row, out);
        continue;
      }
      const T* row = input + (image * vertical.in_size + source) * in_row;
      for (std::int64_t x = 0; x < horizontal.out_size; ++x) {
        std::copy_n(row + horizontal.index[static_cast<std::size_t>(x)] * channels, channels,
                    out + x * channels);
      }
      if (table_) lookup_span(kernels, out, out, out_row, *table_);
    }
  });
}

template <typename In, typename Out>
void Resize2d::run_weighted(const In* input, Out* output, std::byte* scratch,
                            ThreadPool& pool) const {
  using Real = RuleReal<In, Out>;
  const SpanKernels& kernels = span_kernels(isa_);
  const ResizeAxis& vertical = spec_.vertical;
  const std::int64_t in_row = spec_.horizontal.in_size * spec_.channels;
  const std::int64_t out_row = spec_.horizontal.out_size * spec_.channels;
  const auto weights_of = [](const std::vector<float>& narrow, const std::vector<double>& wide) {
    if constexpr (std::is_same_v<Real, float>) {
      return narrow.data();
    } else {
      return wide.data();
    }
  };
  const Real* down = weights_of(vertical_weights_, vertical.weight);
  const Real* along = weights_of(horizontal_weights_, spec_.horizontal.weight);
  const auto multiplier = scale_ratio<Real>(spec_.input.scale, spec_.output_scale);
  // A small cache of resampled rows, as many as taps: slot `source % taps`.
  const std::size_t stride = row_bytes(spec_) / sizeof(Real);
  for_tasks(spec_, pool, [&](std::int64_t image, std::int64_t begin, std::int64_t end, int worker) {
    auto* slots = reinterpret_cast<Real*>(scratch) + static_cast<std::size_t>(worker) *
                                                         static_cast<std::size_t>(vertical.taps) *
                                                         stride;
    std::int64_t held[kMaxTaps] = {-1, -1, -1, -1};
    const Real* rows[kMaxTaps];
    for (std::int64_t y = begin; y < end; ++y) {
      for (int t = 0; t < vertical.taps; ++t) {
        const std::int64_t source = vertical.index[static_cast<std::size_t>(y * vertical.taps + t)];
        const std::int64_t slot = source % vertical.taps;
        Real* row = slots + static_cast<std::size_t>(slot) * stride;
        if (held[slot] != source) {
          weigh_row(spec_, kernels, input + (image * vertical.in_size + source) * in_row, along,
                    row);
          held[slot] = source;
        }
        rows[t] = row;
      }
      weigh_reals_span(kernels, rows, down + y * vertical.taps, vertical.taps, multiplier,
                       spec_.output, output + (image * vertical.out_size + y) * out_row, out_row);
    }
  });
}

}  // namespace quant::integer
