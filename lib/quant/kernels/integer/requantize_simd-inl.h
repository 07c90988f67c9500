// SPDX-License-Identifier: MIT
// round_to_output on vectors. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_REQUANTIZE_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_REQUANTIZE_SIMD_INL_H
#undef QUANT_REQUANTIZE_SIMD_INL_H
#else
#define QUANT_REQUANTIZE_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include "quant/kernels/integer/simd_targets.h"
#include "quant/kernels/integer/store_range.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Adding 1.5·2^23 leaves t, rounded half to even, in the low mantissa bits: the same integer as a
// conversion for |t| < 2^22, without x86's repair of overflowing conversions, which the clamp makes
// pointless.
inline constexpr float kRounder = 12582912.0F;
inline constexpr std::int32_t kRounderBits = 0x4B400000;

template <class D32>
struct StoreConstants {
  using DF = hn::RebindToFloat<D32>;
  hn::Vec<DF> lowest, highest, rounder;
  hn::Vec<D32> unbias;
  HWY_INLINE explicit StoreConstants(const StoreRange& range)
      : lowest(hn::Set(DF(), range.lowest)),
        highest(hn::Set(DF(), range.highest)),
        rounder(hn::Set(DF(), kRounder)),
        unbias(hn::Set(D32(), kRounderBits - range.zero_point)) {}
  // Lane by lane.
  HWY_INLINE StoreConstants(const float* lows, const float* highs, const std::int32_t* zero_points)
      : lowest(hn::LoadU(DF(), lows)),
        highest(hn::LoadU(DF(), highs)),
        rounder(hn::Set(DF(), kRounder)),
        unbias(hn::Sub(hn::Set(D32(), kRounderBits), hn::LoadU(D32(), zero_points))) {}
};

// Integers in [qmin, qmax].
template <class D32, class VF>
HWY_INLINE hn::Vec<D32> RoundToOutput(D32 d32, VF t, const StoreConstants<D32>& constants) {
  t = hn::Min(hn::Max(t, constants.lowest), constants.highest);
  return hn::Sub(hn::BitCast(d32, hn::Add(t, constants.rounder)), constants.unbias);
}

template <class D32, class V32, class VF>
HWY_INLINE hn::Vec<D32> RequantizeVector(D32 d32, V32 accumulator, VF multiplier,
                                         const StoreConstants<D32>& constants) {
  const hn::RebindToFloat<D32> df;
  return RoundToOutput(d32, hn::Mul(hn::ConvertTo(df, accumulator), multiplier), constants);
}

// To the nearest integer, half to even; whatever lies below int32, to its least value.
// Precondition: nothing beyond its greatest. Without Highway's repair of overflowing conversions.
#if HWY_ARCH_X86
HWY_INLINE hn::Vec128<std::int32_t> RoundBelow(hn::Vec128<float> value) {
  return hn::Vec128<std::int32_t>{_mm_cvtps_epi32(value.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<std::int32_t> RoundBelow(hn::Vec256<float> value) {
  return hn::Vec256<std::int32_t>{_mm256_cvtps_epi32(value.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<std::int32_t> RoundBelow(hn::Vec512<float> value) {
  return hn::Vec512<std::int32_t>{_mm512_cvtps_epi32(value.raw)};
}
#endif
#else
template <class VF>
HWY_INLINE auto RoundBelow(VF value) {
  return hn::NearestInt(value);
}
#endif

// In blocks of 16 bytes, the eight of `low` then those of `high`, cut to 0…255.
#if HWY_ARCH_X86
HWY_INLINE hn::Vec128<std::uint8_t> PackBytes(hn::Vec128<std::int16_t> low,
                                              hn::Vec128<std::int16_t> high) {
  return hn::Vec128<std::uint8_t>{_mm_packus_epi16(low.raw, high.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<std::uint8_t> PackBytes(hn::Vec256<std::int16_t> low,
                                              hn::Vec256<std::int16_t> high) {
  return hn::Vec256<std::uint8_t>{_mm256_packus_epi16(low.raw, high.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<std::uint8_t> PackBytes(hn::Vec512<std::int16_t> low,
                                              hn::Vec512<std::int16_t> high) {
  return hn::Vec512<std::uint8_t>{_mm512_packus_epi16(low.raw, high.raw)};
}
#endif
#else
HWY_INLINE hn::Vec128<std::uint8_t> PackBytes(hn::Vec128<std::int16_t> low,
                                              hn::Vec128<std::int16_t> high) {
  const hn::Full64<std::uint8_t> half;
  return hn::Combine(hn::Full128<std::uint8_t>(), hn::DemoteTo(half, high),
                     hn::DemoteTo(half, low));
}
#endif

// Sums of a convolution times their multipliers, cut at the highest level, without which they could
// leave int32, and rounded. What is left is to add the zero point and to pack to bytes, both with
// saturation, and the lowest level: that commutes with rounding, as levels are integers.
template <class V32, class VF>
HWY_INLINE V32 RoundProducts(V32 sums, VF multipliers, VF highest) {
  const hn::RebindToFloat<hn::DFromV<V32>> df;
  return RoundBelow(hn::Min(hn::Mul(hn::ConvertTo(df, sums), multipliers), highest));
}

// round_to_output of doubles, by the same trick.
template <class D>
struct WideStoreConstants {
  using D32 = hn::Rebind<std::int32_t, D>;
  hn::Vec<D> lowest, highest;
  hn::Vec<D32> zero_point;
  HWY_INLINE explicit WideStoreConstants(const OutputRange& range)
      : lowest(hn::Set(D(), static_cast<double>(range.qmin - range.zero_point))),
        highest(hn::Set(D(), static_cast<double>(range.qmax - range.zero_point))),
        zero_point(hn::Set(D32(), range.zero_point)) {}
  // Lane by lane.
  HWY_INLINE WideStoreConstants(const double* lows, const double* highs,
                                const std::int32_t* zero_points)
      : lowest(hn::LoadU(D(), lows)),
        highest(hn::LoadU(D(), highs)),
        zero_point(hn::LoadU(D32(), zero_points)) {}
};
inline constexpr double kWideRounder = 6755399441055744.0;  // 1.5·2^52

template <class D>
HWY_INLINE hn::Vec<hn::Rebind<std::int32_t, D>> RoundToOutput(
    hn::Vec<D> t, const WideStoreConstants<D>& constants) {
  const hn::Rebind<std::int32_t, D> d32;
  t = hn::Min(hn::Max(t, constants.lowest), constants.highest);
  const auto bits = hn::BitCast(hn::RebindToUnsigned<D>(), hn::Add(t, hn::Set(D(), kWideRounder)));
  const auto integers = hn::TruncateTo(hn::RebindToUnsigned<decltype(d32)>(), bits);
  return hn::Add(hn::BitCast(d32, integers), constants.zero_point);
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_REQUANTIZE_SIMD_INL_H
