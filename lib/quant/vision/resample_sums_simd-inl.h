// SPDX-License-Identifier: MIT
// What both passes of a Resampler sum with. Included once per target, inside each of them.

#if defined(QUANT_RESAMPLE_SUMS_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_RESAMPLE_SUMS_SIMD_INL_H
#undef QUANT_RESAMPLE_SUMS_SIMD_INL_H
#else
#define QUANT_RESAMPLE_SUMS_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include "quant/vision/resample_axis.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::CappedTag<std::int16_t, 16>;
using Sums = hn::RepartitionToWide<Words>;
using Bytes = hn::Rebind<std::uint8_t, Words>;

// Sums of pairs of pixels times the halves of their weights (SplitWeight). Highway keeps a pair's
// products in one vector (x86) or in two (NEON).
struct WeightedSums {
  hn::Vec<Sums> high, high_odd, low, low_odd;

  HWY_INLINE WeightedSums()
      : high(hn::Zero(Sums())),
        high_odd(hn::Zero(Sums())),
        low(hn::Zero(Sums())),
        low_odd(hn::Zero(Sums())) {}

  HWY_INLINE void Add(hn::Vec<Bytes> pairs, hn::Vec<Words> high_weights,
                      hn::Vec<Words> low_weights) {
    const auto pixels = hn::PromoteTo(Words(), pairs);
    high = hn::ReorderWidenMulAccumulate(Sums(), pixels, high_weights, high, high_odd);
    low = hn::ReorderWidenMulAccumulate(Sums(), pixels, low_weights, low, low_odd);
  }

  HWY_INLINE hn::Vec<Sums> Total() const {
    return hn::Add(hn::ShiftLeft<SplitWeight::kLowBits>(hn::RearrangeToOddPlusEven(high, high_odd)),
                   hn::RearrangeToOddPlusEven(low, low_odd));
  }
};

// to_pixel() before it is cut to 8 bits.
template <class D>
HWY_INLINE hn::Vec<D> RoundedPixels(D d, hn::Vec<D> sums) {
  return hn::ShiftRight<ResampleAxis::kWeightBits>(hn::Add(sums, hn::Set(d, ResampleAxis::kHalf)));
}

}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#endif  // QUANT_RESAMPLE_SUMS_SIMD_INL_H
