// SPDX-License-Identifier: MIT
// Neighbouring pixels are brought together channel by channel, so that one instruction multiplies
// and adds pairs of them. A unit is as many pixels as fill eight 16-bit lanes, a block two units.
#include "quant/vision/resample_row_pass.h"

// Scalable vectors cannot be members.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/vision/resample_row_pass.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/vision/resample_sums_simd-inl.h"

#ifndef QUANT_VISION_RESAMPLE_ROW_PASS_ONCE
#define QUANT_VISION_RESAMPLE_ROW_PASS_ONCE
#include <array>
#include <cstring>
#include <utility>

namespace quant {
namespace {

constexpr int kUnitLanes = 8;
constexpr int kBlockLanes = 2 * kUnitLanes;
constexpr int kLoadBytes = 16;

constexpr int unit_pixels(int channels) { return channels == 1 ? 8 : channels == 2 ? 4 : 2; }
constexpr int unit_bytes(int channels) { return unit_pixels(channels) * channels; }

// What a 16-bit lane of a unit holds: a pixel of that unit and a channel, which is beyond the last
// one where the lane stays unused.
struct Place {
  int pixel;
  int channel;
};
constexpr Place place_of_lane(int lane, int channels) {
  const int pair = lane / 2;
  const int odd = lane % 2;
  switch (channels) {
    case 1:
      return {lane, 0};
    case 2:
      return {pair / 2 * 2 + odd, pair % 2};
    default:
      return {odd, pair};
  }
}

// Which byte of a load goes to each lane of a block.
constexpr std::array<std::uint8_t, kBlockLanes> byte_order(int channels) {
  std::array<std::uint8_t, kBlockLanes> order = {};
  for (int lane = 0; lane < kBlockLanes; ++lane) {
    const Place place = place_of_lane(lane % kUnitLanes, channels);
    const int channel = place.channel < channels ? place.channel : 0;
    const int unit = lane / kUnitLanes * unit_bytes(channels);
    order[static_cast<std::size_t>(lane)] =
        static_cast<std::uint8_t>(unit + place.pixel * channels + channel);
  }
  return order;
}

// Of the vector unit's part of a row.
struct RowPlan {
  const ResampleAxis::Reach* reach;
  const std::uint32_t* blocks;
  const std::int16_t* weights;  // of each block the high halves, then the low ones
  int pixels;
};

}  // namespace
}  // namespace quant
#endif  // QUANT_VISION_RESAMPLE_ROW_PASS_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
// Without vectors everything is left to the loop behind them.
int Run(const RowPlan& /*plan*/, const PixelView& /*in*/, std::uint8_t* /*out*/,
        std::ptrdiff_t /*out_row_bytes*/) {
  return 0;
}
#else
namespace hn = hwy::HWY_NAMESPACE;

// Units of equal places are added; four lanes stay.
HWY_INLINE hn::Vec<hn::FixedTag<std::int32_t, 4> > Folded(hn::Vec<Sums> total) {
#if HWY_MAX_BYTES >= 32
  const hn::Half<Sums> half;
  return hn::Add(hn::LowerHalf(half, total), hn::UpperHalf(half, total));
#else
  return total;
#endif
}

template <int kChannels>
HWY_INLINE void StorePixel(hn::Vec<Sums> total, std::uint8_t* out) {
  const hn::FixedTag<std::int32_t, 4> d;
  const auto folded = Folded(total);
  if constexpr (kChannels == 1) {
    out[0] = to_pixel(hn::GetLane(hn::SumOfLanes(d, folded)));
  } else if constexpr (kChannels == 2) {
    HWY_ALIGN std::int32_t lanes[4];
    hn::Store(folded, d, lanes);
    out[0] = to_pixel(lanes[0] + lanes[2]);
    out[1] = to_pixel(lanes[1] + lanes[3]);
  } else {
    const hn::Rebind<std::uint8_t, decltype(d)> bytes;
    HWY_ALIGN std::uint8_t pixel[4];
    hn::Store(hn::DemoteTo(bytes, RoundedPixels(d, folded)), bytes, pixel);
    std::memcpy(out, pixel, kChannels);
  }
}

// `kRows` rows side by side, which share the weights.
template <int kChannels, int kRows>
void RunRows(const RowPlan& plan, const std::uint8_t* in, std::ptrdiff_t in_row_bytes,
             std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  constexpr std::array<std::uint8_t, kBlockLanes> kOrder = byte_order(kChannels);
  constexpr int kUnits = static_cast<int>(hn::MaxLanes(Words())) / kUnitLanes;
  const Words d;
  const Bytes bytes;
  const auto order = hn::LoadU(bytes, kOrder.data());
  for (int i = 0; i < plan.pixels; ++i) {
    const std::uint8_t* source = in + std::ptrdiff_t{plan.reach[i].first} * kChannels;
    const std::int16_t* weights =
        plan.weights + std::size_t{plan.blocks[i]} * 2 * std::size_t{kBlockLanes};
    WeightedSums sums[kRows];
    for (std::uint32_t block = plan.blocks[i]; block < plan.blocks[i + 1]; ++block) {
      for (int lane = 0; lane < kBlockLanes; lane += kUnits * kUnitLanes) {
        const auto high = hn::LoadU(d, weights + lane);
        const auto low = hn::LoadU(d, weights + kBlockLanes + lane);
        for (int row = 0; row < kRows; ++row) {
          const auto pixels = hn::LoadU(bytes, source + row * in_row_bytes);
          sums[row].Add(hn::TableLookupBytes(pixels, order), high, low);
        }
        source += kUnits * unit_bytes(kChannels);
      }
      weights += 2 * kBlockLanes;
    }
    for (int row = 0; row < kRows; ++row)
      StorePixel<kChannels>(sums[row].Total(), out + row * out_row_bytes + i * kChannels);
  }
}

template <int kChannels>
void RunAll(const RowPlan& plan, const PixelView& in, std::uint8_t* out,
            std::ptrdiff_t out_row_bytes) {
  constexpr int kTogether = 4;
  int y = 0;
  for (; y + kTogether <= in.height; y += kTogether) {
    RunRows<kChannels, kTogether>(plan, in.data + y * in.row_bytes, in.row_bytes,
                                  out + y * out_row_bytes, out_row_bytes);
  }
  for (; y < in.height; ++y) {
    RunRows<kChannels, 1>(plan, in.data + y * in.row_bytes, in.row_bytes, out + y * out_row_bytes,
                          out_row_bytes);
  }
}

// Returns how many output pixels of every row were made.
int Run(const RowPlan& plan, const PixelView& in, std::uint8_t* out, std::ptrdiff_t out_row_bytes) {
  switch (in.channels) {
    case 1:
      RunAll<1>(plan, in, out, out_row_bytes);
      break;
    case 2:
      RunAll<2>(plan, in, out, out_row_bytes);
      break;
    case 3:
      RunAll<3>(plan, in, out, out_row_bytes);
      break;
    default:
      RunAll<4>(plan, in, out, out_row_bytes);
      break;
  }
  return plan.pixels;
}
#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(Run);

ResampleRowPass::ResampleRowPass(ResampleAxis axis, int channels)
    : axis_(std::move(axis)), channels_(channels) {
  const int block_pixels = 2 * unit_pixels(channels);
  const std::int64_t row_bytes = std::int64_t{axis_.in} * channels;
  blocks_.push_back(0);
  for (const ResampleAxis::Reach& reach : axis_.reach) {
    const int blocks = (reach.count + block_pixels - 1) / block_pixels;
    const std::int64_t last_load =
        std::int64_t{reach.first} * channels + std::int64_t{blocks - 1} * 2 * unit_bytes(channels);
    if (last_load + kLoadBytes > row_bytes) break;
    for (int block = 0; block < blocks; ++block) {
      std::array<std::int16_t, kBlockLanes> high = {};
      std::array<std::int16_t, kBlockLanes> low = {};
      for (int lane = 0; lane < kBlockLanes; ++lane) {
        const Place place = place_of_lane(lane % kUnitLanes, channels);
        const int tap =
            block * block_pixels + lane / kUnitLanes * unit_pixels(channels) + place.pixel;
        if (place.channel >= channels || tap >= reach.count) continue;
        const SplitWeight weight(axis_.weights[reach.weights + static_cast<std::size_t>(tap)]);
        high[static_cast<std::size_t>(lane)] = weight.high;
        low[static_cast<std::size_t>(lane)] = weight.low;
      }
      block_weights_.insert(block_weights_.end(), high.begin(), high.end());
      block_weights_.insert(block_weights_.end(), low.begin(), low.end());
    }
    blocks_.push_back(blocks_.back() + static_cast<std::uint32_t>(blocks));
  }
}

void ResampleRowPass::run(const PixelView& in, std::uint8_t* out,
                          std::ptrdiff_t out_row_bytes) const {
  const RowPlan plan{axis_.reach.data(), blocks_.data(), block_weights_.data(),
                     static_cast<int>(blocks_.size()) - 1};
  const int done = HWY_DYNAMIC_DISPATCH(Run)(plan, in, out, out_row_bytes);
  for (int y = 0; y < in.height; ++y)
    finish_row(in.data + y * in.row_bytes, done, out + y * out_row_bytes);
}

void ResampleRowPass::finish_row(const std::uint8_t* in, int done, std::uint8_t* out) const {
  for (int i = done; i < static_cast<int>(axis_.reach.size()); ++i) {
    const ResampleAxis::Reach& reach = axis_.reach[static_cast<std::size_t>(i)];
    for (int c = 0; c < channels_; ++c) {
      std::int32_t sum = 0;
      for (int x = 0; x < reach.count; ++x) {
        sum += in[(reach.first + x) * channels_ + c] *
               axis_.weights[reach.weights + static_cast<std::size_t>(x)];
      }
      out[i * channels_ + c] = to_pixel(sum);
    }
  }
}

}  // namespace quant
#endif  // HWY_ONCE
