// SPDX-License-Identifier: MIT
// How wide a tile of output channels may be: one vector of sums or two, the last one of all a
// register or half of one. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_TILE_WIDTH_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_TILE_WIDTH_SIMD_INL_H
#undef QUANT_TILE_WIDTH_SIMD_INL_H
#else
#define QUANT_TILE_WIDTH_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr int kSumLanes = static_cast<int>(hn::MaxLanes(hn::ScalableTag<std::int32_t>()));
// PanelKernel::step. A CPU with registers of 512 bits may take half as long for 256 of them.
inline constexpr int kTileStep = HWY_TARGET == HWY_AVX3 ? kSumLanes / 2 : kSumLanes;

template <int kWidth>
struct TileWidth {
  static constexpr int kFirst = std::min(kWidth, kSumLanes);  // channels of the first vector
  static constexpr bool kTwo = kWidth > kFirst;
  // Of int32 sums.
  using First = hn::CappedTag<std::int32_t, kFirst>;
  using Second = hn::CappedTag<std::int32_t, kTwo ? kWidth - kFirst : kFirst>;
};

// The first lanes of v, as many as D has: all of them or half.
template <class D, class V>
HWY_INLINE hn::Vec<D> FirstOf(D d, V v) {
  if constexpr (hn::MaxLanes(d) == hn::MaxLanes(hn::DFromV<V>())) {
    return v;
  } else {
    return hn::LowerHalf(d, v);
  }
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_TILE_WIDTH_SIMD_INL_H
