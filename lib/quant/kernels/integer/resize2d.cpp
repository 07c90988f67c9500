// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/resize2d.h"

#include <algorithm>
#include <cstring>

#include "quant/base/aligned_buffer.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Output rows of one task: neighbours share input rows that are resampled once.
constexpr std::int64_t kTaskRows = 8;
constexpr int kMaxTaps = 4;

bool takes_nearest(const ResizeAxis& axis) {
  return axis.taps == 1 && std::all_of(axis.weight.begin(), axis.weight.end(),
                                       [](float weight) { return weight == 1.0F; });
}

std::size_t row_bytes(const Resize2dSpec& spec) {
  const std::size_t bytes =
      static_cast<std::size_t>(spec.horizontal.out_size * spec.channels) * sizeof(float);
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

// Row of one image, nearest: a copy per pixel.
void copy_row(const Resize2dSpec& spec, const std::uint8_t* row, std::uint8_t* out) {
  const ResizeAxis& axis = spec.horizontal;
  for (std::int64_t x = 0; x < axis.out_size; ++x) {
    std::memcpy(out + x * spec.channels,
                row + axis.index[static_cast<std::size_t>(x)] * spec.channels,
                static_cast<std::size_t>(spec.channels));
  }
}

// Row of one image resampled horizontally.
void weigh_row(const Resize2dSpec& spec, const SpanKernels& kernels, const std::uint8_t* row,
               float* out) {
  const ResizeAxis& axis = spec.horizontal;
  const std::uint8_t* taps[kMaxTaps];
  for (std::int64_t x = 0; x < axis.out_size; ++x) {
    const std::int64_t first = x * axis.taps;
    for (int t = 0; t < axis.taps; ++t) {
      taps[t] = row + axis.index[static_cast<std::size_t>(first + t)] * spec.channels;
    }
    kernels.weigh_bytes(taps, axis.weight.data() + first, axis.taps, spec.input.zero_point,
                        out + x * spec.channels, spec.channels);
  }
}

}  // namespace

Resize2d::Resize2d(const Resize2dSpec& spec, Isa isa)
    : spec_(spec),
      multiplier_(scale_ratio(spec.input.scale, spec.output_scale)),
      nearest_(takes_nearest(spec.vertical) && takes_nearest(spec.horizontal)),
      table_(make_requantize_table(spec.input, spec.output_scale, spec.output)),
      isa_(isa) {
  requantizes_ = !is_identity(table_);
}

std::size_t Resize2d::scratch_bytes(int threads) const {
  return nearest_ ? 0
                  : static_cast<std::size_t>(threads) *
                        static_cast<std::size_t>(spec_.vertical.taps) * row_bytes(spec_);
}

void Resize2d::run(const std::uint8_t* input, std::uint8_t* output, std::byte* scratch,
                   ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const ResizeAxis& vertical = spec_.vertical;
  const std::int64_t in_row = spec_.horizontal.in_size * spec_.channels;
  const std::int64_t out_row = spec_.horizontal.out_size * spec_.channels;
  const std::int64_t tasks = (vertical.out_size + kTaskRows - 1) / kTaskRows;
  pool.run(spec_.batch * tasks, [&](std::int64_t task, int worker) {
    const std::uint8_t* image = input + task / tasks * vertical.in_size * in_row;
    std::uint8_t* out_image = output + task / tasks * vertical.out_size * out_row;
    const std::int64_t begin = task % tasks * kTaskRows;
    const std::int64_t end = std::min(begin + kTaskRows, vertical.out_size);
    if (nearest_) {
      for (std::int64_t y = begin; y < end; ++y) {
        std::uint8_t* out = out_image + y * out_row;
        const std::int32_t source = vertical.index[static_cast<std::size_t>(y)];
        if (y > begin && source == vertical.index[static_cast<std::size_t>(y - 1)]) {
          std::memcpy(out, out - out_row, static_cast<std::size_t>(out_row));
          continue;
        }
        copy_row(spec_, image + source * in_row, out);
        if (requantizes_) kernels.lookup(out, out, out_row, table_);
      }
      return;
    }
    // A small cache of resampled rows, as many as taps: slot `source % taps`.
    const std::size_t stride = row_bytes(spec_) / sizeof(float);
    auto* slots = reinterpret_cast<float*>(scratch) + static_cast<std::size_t>(worker) *
                                                          static_cast<std::size_t>(vertical.taps) *
                                                          stride;
    std::int64_t held[kMaxTaps] = {-1, -1, -1, -1};
    const float* rows[kMaxTaps];
    for (std::int64_t y = begin; y < end; ++y) {
      for (int t = 0; t < vertical.taps; ++t) {
        const std::int64_t source = vertical.index[static_cast<std::size_t>(y * vertical.taps + t)];
        const std::int64_t slot = source % vertical.taps;
        float* row = slots + static_cast<std::size_t>(slot) * stride;
        if (held[slot] != source) {
          weigh_row(spec_, kernels, image + source * in_row, row);
          held[slot] = source;
        }
        rows[t] = row;
      }
      kernels.weigh_floats(rows, vertical.weight.data() + y * vertical.taps, vertical.taps,
                           multiplier_, spec_.output, out_image + y * out_row, out_row);
    }
  });
}

}  // namespace quant::integer
