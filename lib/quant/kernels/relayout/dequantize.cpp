// SPDX-License-Identifier: MIT
#include "quant/kernels/relayout/dequantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "quant/base/round_up.h"
#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/move_kernels.h"
#include "quant/kernels/relayout/dequantize_kernels.h"

namespace quant {
namespace {

// Elements that wait on the stack between being moved and being converted.
constexpr std::int64_t kScratch = 8192;
// What the last of them may spill: the channels that pad a block.
constexpr std::int64_t kSlack = 64;
// Channels of a pixel that are moved at once; at least 32 pixels then.
constexpr std::int64_t kMostChannels = 256;
// Pixels of a plane that are moved at once, and of how many channels.
constexpr std::int64_t kPlanePixels = 512;
constexpr std::int64_t kPlaneChannels = kScratch / kPlanePixels;
// From here on the channels of one pixel are worth vectors of their own.
constexpr std::int64_t kLongPixel = 256;
// Elements that are converted in one go where nothing is moved; streamed stores are waited for
// behind each, which pieces of a quarter of this pay for with a fifth of the bandwidth.
constexpr std::int64_t kDirect = 65536;
// Pieces of so many pixels begin where a vector of results can be aligned.
constexpr std::int64_t kPixelStep = 16;
// Results that are larger do not stay in a cache anyhow.
constexpr std::int64_t kStreamedBytes = std::int64_t{32} << 20;
// Parameters that stay in the nearest cache beside what they are applied to.
constexpr std::int64_t kMostAligned = 2048;

// One frame, pixel after pixel.
template <typename T>
struct Job {
  const integer::MoveKernels<T>& move;
  const DequantizeKernels<T>& convert;
  const T* in = nullptr;
  float* out = nullptr;
  DenseOrder order = DenseOrder::kNhwc;
  DeviceStrides from;
  std::int64_t channels = 0;
  std::int64_t plane = 0;       // pixels of the frame
  std::int64_t row_pixels = 0;  // of which so many are `column` apart
  // Of the first channel; param_step 0: the same for all.
  const float* scales = nullptr;
  const float* zero_points = nullptr;
  std::int64_t param_step = 0;
  std::int64_t period = 0;
  Store store = Store::kCached;

  bool blocked() const { return from.block < channels; }
  bool planes() const { return from.column == 1 && !blocked(); }
  // Whether elements change their order, or close ranks, before they are converted.
  bool moves() const {
    if (order == DenseOrder::kNchw) return !planes();
    if (blocked()) return true;
    if (planes()) return channels > 1;
    return from.column != channels && channels < kLongPixel;
  }
  std::int64_t pixels_at_once() const {
    if (order == DenseOrder::kNchw) return planes() ? kDirect : kPlanePixels;
    const std::int64_t pixels =
        moves() ? kScratch / std::min(channels, kMostChannels) : kDirect / channels;
    return std::max(kPixelStep, pixels / kPixelStep * kPixelStep);
  }

  // visit(the first pixel's elements, how many pixels came before, count) for each part of a row in
  // `pixels` pixels from `first` on.
  template <typename Visit>
  void for_rows(std::int64_t first, std::int64_t pixels, const Visit& visit) const {
    for (std::int64_t done = 0; done < pixels;) {
      const std::int64_t row = (first + done) / row_pixels;
      const std::int64_t column = (first + done) % row_pixels;
      const std::int64_t count = std::min(row_pixels - column, pixels - done);
      visit(in + row * from.row + column * from.column, done, count);
      done += count;
    }
  }

  // `columns` channels from `channel` on of pixels that are `in_step` apart.
  void convert_pixels(const T* elements, std::int64_t in_step, float* to, std::int64_t pixels,
                      std::int64_t channel, std::int64_t columns) const {
    if (columns == channels && in_step == channels) {
      columns *= pixels;
      pixels = 1;
    }
    if (param_step == 0) {
      convert.by_row(elements, in_step, to, channels, pixels, columns, scales, zero_points, 0,
                     store);
    } else {
      convert.by_column(elements, in_step, to, channels, pixels, columns, scales + channel,
                        zero_points + channel, period, store);
    }
  }

  void to_nhwc(std::int64_t first, std::int64_t pixels) const {
    float* const to = out + first * channels;
    if (!moves()) {
      return for_rows(first, pixels, [&](const T* pixel, std::int64_t done, std::int64_t count) {
        convert_pixels(pixel, from.column, to + done * channels, count, 0, channels);
      });
    }
    alignas(64) T scratch[kScratch + kSlack];
    for (std::int64_t channel = 0; channel < channels; channel += kMostChannels) {
      const std::int64_t width = std::min(kMostChannels, channels - channel);
      for_rows(first, pixels, [&](const T* pixel, std::int64_t done, std::int64_t count) {
        gather(pixel, scratch + done * width, count, channel, width);
      });
      convert_pixels(scratch, width, to + channel, pixels, channel, width);
    }
  }

  // Pixels of `width` channels, one after the other.
  void gather(const T* pixel, T* to, std::int64_t pixels, std::int64_t channel,
              std::int64_t width) const {
    if (planes()) {
      move.transpose(pixel + channel * from.channel, from.channel, to, width, pixels, width);
    } else if (!blocked()) {
      move.rows(pixel + channel, from.column, to, width, pixels, width);
    } else {
      // From the last block to the first: what the padding of one spoils, the next pixels repair.
      for (std::int64_t c = round_up(width, from.block); (c -= from.block) >= 0;) {
        move.rows(pixel + (channel + c) / from.block * from.channel_block, from.column, to + c,
                  width, pixels, from.block);
      }
    }
  }

  void to_nchw(std::int64_t first, std::int64_t pixels) const {
    if (planes()) {
      return for_rows(first, pixels, [&](const T* pixel, std::int64_t done, std::int64_t count) {
        convert.by_row(pixel, from.channel, out + first + done, plane, channels, count, scales,
                       zero_points, param_step, store);
      });
    }
    alignas(64) T scratch[kScratch];
    const std::int64_t step = std::min(kPlaneChannels, from.block);
    for (std::int64_t channel = 0; channel < channels; channel += step) {
      const std::int64_t width = std::min(step, channels - channel);
      for_rows(first, pixels, [&](const T* pixel, std::int64_t done, std::int64_t count) {
        move.transpose(pixel + from.offset(0, 0, channel), from.column, scratch + done, pixels,
                       width, count);
      });
      convert.by_row(scratch, pixels, out + channel * plane + first, plane, width, pixels,
                     scales + channel * param_step, zero_points + channel * param_step, param_step,
                     store);
    }
  }
};

}  // namespace

Result<Dequantize> Dequantize::create(const DeviceLayout& layout, const QuantParams& params,
                                      DenseOrder order, Isa isa) {
  QUANT_TRY(check_layout(layout));
  if (layout.type != DataType::kUint8 && layout.type != DataType::kUint16) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no quantized activation type", to_string(layout.type)));
  }
  const std::size_t scales = params.scale.size();
  if (scales == 0) return fail(ErrorCode::kInvalidArgument, "the scale is unknown");
  if (params.zero_point.size() != scales ||
      (scales > 1 && static_cast<std::int64_t>(scales) != layout.channels)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} scales and {} zero points do not fit {}", scales,
                            params.zero_point.size(), to_string(layout)));
  }
  return Dequantize(layout, params, order, isa);
}

Dequantize::Dequantize(const DeviceLayout& layout, const QuantParams& params, DenseOrder order,
                       Isa isa)
    : layout_(layout), params_(params), order_(order), isa_(isa) {
  // The two orders of one pixel are the same.
  if (layout.height * layout.width == 1) order_ = DenseOrder::kNhwc;
  if (!params.per_channel()) return;
  // Whole vectors to a period, so that those of parameters are aligned as those of results are;
  // unless that makes too many of them.
  std::int64_t cycle = std::lcm(layout.channels, kPixelStep);
  if (cycle > kMostAligned) cycle = layout.channels;
  table_.period = round_up(kParamStep, cycle);
  const std::int64_t count = table_.period + kParamStep;
  table_.values =
      std::make_shared<AlignedBuffer>(static_cast<std::size_t>(2 * count) * sizeof(float));
  table_.scales = reinterpret_cast<float*>(table_.values->data());
  table_.zero_points = table_.scales + count;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto channel = static_cast<std::size_t>(i % layout.channels);
    table_.scales[i] = params.scale[channel];
    table_.zero_points[i] = params.zero_point[channel];
  }
}

void Dequantize::run(const void* in, float* out, ThreadPool& pool) const {
  if (layout_.type == DataType::kUint8) {
    run_as(static_cast<const std::uint8_t*>(in), out, pool);
  } else {
    run_as(static_cast<const std::uint16_t*>(in), out, pool);
  }
}

template <typename T>
void Dequantize::run_as(const T* in, float* out, ThreadPool& pool) const {
  const auto* const move = integer::move_kernels<T>(isa_);
  const auto* const convert = dequantize_kernels<T>(isa_);
  if (move == nullptr || convert == nullptr) {
    return dequantize_ref(in, layout_, params_, order_, out);
  }
  Job<T> job{*move, *convert, in, out, order_, strides_of(layout_)};
  job.channels = layout_.channels;
  job.plane = layout_.height * layout_.width;
  const bool rows_follow = job.from.row == layout_.width * job.from.column;
  job.row_pixels = rows_follow ? job.plane : layout_.width;
  job.scales = params_.per_channel() ? table_.scales : params_.scale.data();
  job.zero_points = params_.per_channel() ? table_.zero_points : params_.zero_point.data();
  job.param_step = params_.per_channel() ? 1 : 0;
  job.period = table_.period;
  const std::int64_t bytes = element_count(layout_) * static_cast<std::int64_t>(sizeof(float));
  job.store = bytes >= kStreamedBytes ? Store::kStreamed : Store::kCached;

  const std::int64_t most = job.pixels_at_once();
  integer::for_row_chunks((job.plane + most - 1) / most, most * job.channels, pool,
                          [&](std::int64_t begin, std::int64_t end) {
                            for (std::int64_t i = begin; i < end; ++i) {
                              const std::int64_t first = i * most;
                              const std::int64_t pixels = std::min(most, job.plane - first);
                              if (order_ == DenseOrder::kNhwc) {
                                job.to_nhwc(first, pixels);
                              } else {
                                job.to_nchw(first, pixels);
                              }
                            }
                          });
}

}  // namespace quant
