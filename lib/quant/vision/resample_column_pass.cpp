// SPDX-License-Identifier: MIT
// Two rows at a time: one instruction multiplies and adds the pixels of a column.
#include "quant/vision/resample_column_pass.h"

// Scalable vectors cannot be members.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/vision/resample_column_pass.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/vision/resample_sums_simd-inl.h"

#ifndef QUANT_VISION_RESAMPLE_COLUMN_PASS_ONCE
#define QUANT_VISION_RESAMPLE_COLUMN_PASS_ONCE
#include <utility>

namespace quant {
namespace {

// A row's weight in the low half of a word, that of the row below it in the high one.
std::int32_t pair_of(std::int16_t upper, std::int16_t lower) {
  return static_cast<std::int32_t>(static_cast<std::uint16_t>(upper) |
                                   static_cast<std::uint32_t>(static_cast<std::uint16_t>(lower))
                                       << 16);
}

}  // namespace
}  // namespace quant
#endif  // QUANT_VISION_RESAMPLE_COLUMN_PASS_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
#if HWY_TARGET == HWY_SCALAR
// Without vectors everything is left to the loop behind them.
std::size_t Columns(const std::uint8_t* /*in*/, std::ptrdiff_t /*in_row_bytes*/, int /*rows*/,
                    const ResampleColumnPass::WeightPair* /*weights*/, std::size_t /*columns*/,
                    std::uint8_t* /*out*/) {
  return 0;
}
#else
namespace hn = hwy::HWY_NAMESPACE;

// As many columns as Sums has lanes.
void Store(const WeightedSums& sums, std::uint8_t* out) {
  const hn::Rebind<std::uint8_t, Sums> bytes;
  hn::StoreU(hn::DemoteTo(bytes, RoundedPixels(Sums(), sums.Total())), bytes, out);
}

// Returns how many columns were done: whole vectors. An odd last row has no row below it: its
// partner's weight is zero, and it is its own partner.
std::size_t Columns(const std::uint8_t* in, std::ptrdiff_t in_row_bytes, int rows,
                    const ResampleColumnPass::WeightPair* weights, std::size_t columns,
                    std::uint8_t* out) {
  const Bytes bytes;
  const std::size_t width = hn::Lanes(bytes);
  std::size_t x = 0;
  for (; x + width <= columns; x += width) {
    WeightedSums left;
    WeightedSums right;
    const std::uint8_t* source = in + x;
    for (int row = 0; row < rows; row += 2) {
      const auto high = hn::BitCast(Words(), hn::Set(Sums(), weights[row / 2].high));
      const auto low = hn::BitCast(Words(), hn::Set(Sums(), weights[row / 2].low));
      const auto upper = hn::LoadU(bytes, source);
      const auto lower = hn::LoadU(bytes, row + 1 < rows ? source + in_row_bytes : source);
      left.Add(hn::InterleaveLower(bytes, upper, lower), high, low);
      right.Add(hn::InterleaveUpper(bytes, upper, lower), high, low);
      source += 2 * in_row_bytes;
    }
    Store(left, out + x);
    Store(right, out + x + width / 2);
  }
  return x;
}
#endif  // HWY_TARGET == HWY_SCALAR

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(Columns);

ResampleColumnPass::ResampleColumnPass(ResampleAxis axis) : axis_(std::move(axis)) {
  for (const ResampleAxis::Reach& reach : axis_.reach) {
    pairs_.push_back(weights_.size());
    for (int row = 0; row < reach.count; row += 2) {
      const std::int32_t* const weights =
          axis_.weights.data() + reach.weights + static_cast<std::size_t>(row);
      const SplitWeight upper(weights[0]);
      const SplitWeight lower(row + 1 < reach.count ? weights[1] : 0);
      weights_.push_back({pair_of(upper.high, lower.high), pair_of(upper.low, lower.low)});
    }
  }
}

void ResampleColumnPass::run(const std::uint8_t* in, std::ptrdiff_t in_row_bytes,
                             std::size_t row_bytes, std::uint8_t* out,
                             std::ptrdiff_t out_row_bytes) const {
  for (std::size_t row = 0; row < axis_.reach.size(); ++row) {
    const ResampleAxis::Reach& reach = axis_.reach[row];
    const std::uint8_t* const source = in + (reach.first - axis_.first_in()) * in_row_bytes;
    std::uint8_t* const target = out + static_cast<std::ptrdiff_t>(row) * out_row_bytes;
    std::size_t x = HWY_DYNAMIC_DISPATCH(Columns)(source, in_row_bytes, reach.count,
                                                  weights_.data() + pairs_[row], row_bytes, target);
    for (; x < row_bytes; ++x) {
      std::int32_t sum = 0;
      for (int k = 0; k < reach.count; ++k) {
        sum += source[static_cast<std::ptrdiff_t>(x) + k * in_row_bytes] *
               axis_.weights[reach.weights + static_cast<std::size_t>(k)];
      }
      target[x] = to_pixel(sum);
    }
  }
}

}  // namespace quant
#endif  // HWY_ONCE
