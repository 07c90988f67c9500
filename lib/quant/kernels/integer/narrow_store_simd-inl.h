// SPDX-License-Identifier: MIT
// From sums in int32 to stored bytes, one row of a tile. Included once per target, inside each
// *_simd.cpp.

#if defined(QUANT_NARROW_STORE_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_NARROW_STORE_SIMD_INL_H
#undef QUANT_NARROW_STORE_SIMD_INL_H
#else
#define QUANT_NARROW_STORE_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>
#include <type_traits>

#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/requantize_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DF = hn::RebindToFloat<D32>;
using D16 = hn::Repartition<std::int16_t, D32>;
using V32 = hn::Vec<D32>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(D32()));
inline constexpr int kTile = 2 * kLanes;

// The low tile half, then the high half, in the order in which ToBytes wants them.
HWY_INLINE hn::Vec<D16> ToWords(V32 low, V32 high) {
  return hn::ReorderDemote2To(D16(), low, high);
}
// Bytes in channel order, cut to 0…255.
HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, D16>> ToBytes(hn::Vec<D16> words) {
  return hn::DemoteTo(hn::Rebind<std::uint8_t, D16>(), words);
}

// PanelKernel::channel_order of a tile that is stored so.
inline void NarrowChannelOrder(std::int32_t* order) {
  const D32 d32;
  const hn::Rebind<std::uint8_t, D16> d8;
  HWY_ALIGN std::uint8_t channel_of_lane[kTile];
  hn::Store(ToBytes(ToWords(hn::Iota(d32, 0), hn::Iota(d32, kLanes))), d8, channel_of_lane);
  for (int channel = 0; channel < kTile; ++channel) order[channel_of_lane[channel]] = channel;
}

// The first `count` of kMost bytes, 0 < count < kMost: as two halves that overlap.
template <std::size_t kMost>
HWY_INLINE void CopyFirst(const std::uint8_t* bytes, std::size_t count, std::uint8_t* output) {
  constexpr std::size_t kHalf = kMost / 2;
  if constexpr (kHalf > 0) {
    if (count < kHalf) return CopyFirst<kHalf>(bytes, count, output);
    std::memcpy(output, bytes, kHalf);
    std::memcpy(output + count - kHalf, bytes + count - kHalf, kHalf);
  }
}

// Of a whole tile, kWidth = kTile: two vectors; or of one vector, which may be shorter than a
// register. The first `channels` are stored. Made once for many rows, and read from memory where
// registers are scarce.
template <int kWidth>
class NarrowStore {
  static constexpr bool kTwo = kWidth == kTile;
  static constexpr int kHigh = kTwo ? kLanes : 0;
  using DSums = hn::CappedTag<std::int32_t, kTwo ? kLanes : kWidth>;
  using DReals = hn::RebindToFloat<DSums>;
  using DWords = std::conditional_t<kTwo, D16, hn::Rebind<std::int16_t, DSums>>;
  using DBytes = hn::Rebind<std::uint8_t, DWords>;
  using VSums = hn::Vec<DSums>;
  using VWords = hn::Vec<DWords>;
  using VBytes = hn::Vec<DBytes>;

 public:
  HWY_INLINE NarrowStore(const StoreLanes<float>& lanes, int channels)
      : low_(hn::LoadU(DReals(), lanes.multipliers)),
        high_(hn::LoadU(DReals(), lanes.multipliers + kHigh)),
        highest_low_(hn::LoadU(DReals(), lanes.highest)),
        highest_high_(hn::LoadU(DReals(), lanes.highest + kHigh)),
        zero_points_(Words(hn::LoadU(DSums(), lanes.zero_points),
                           hn::LoadU(DSums(), lanes.zero_points + kHigh))),
        lowest_(Levels(hn::ConvertTo(DSums(), hn::LoadU(DReals(), lanes.lowest)),
                       hn::ConvertTo(DSums(), hn::LoadU(DReals(), lanes.lowest + kHigh)))),
        channels_(channels) {}

  template <class V>
  HWY_INLINE void Store(VSums low, [[maybe_unused]] V high, std::byte* output) const {
    const VSums q_low = RoundProducts(low, low_, highest_low_);
    VSums q_high = q_low;
    if constexpr (kTwo) q_high = RoundProducts(high, high_, highest_high_);
    StoreBytes(hn::Max(Levels(q_low, q_high), lowest_), reinterpret_cast<std::uint8_t*>(output));
  }

 private:
  static HWY_INLINE VWords Words(VSums low, [[maybe_unused]] VSums high) {
    if constexpr (kTwo) {
      return ToWords(low, high);
    } else {
      return hn::DemoteTo(DWords(), low);
    }
  }
  HWY_INLINE VBytes Levels(VSums low, VSums high) const {
    return hn::DemoteTo(DBytes(), hn::SaturatedAdd(Words(low, high), zero_points_));
  }

  HWY_INLINE void StoreBytes(VBytes bytes, std::uint8_t* output) const {
    const DBytes d8;
    if (channels_ == kWidth) {
      hn::StoreU(bytes, d8, output);
    } else {
#if HWY_TARGET == HWY_AVX3
      hn::BlendedStore(bytes, hn::FirstN(d8, static_cast<std::size_t>(channels_)), d8, output);
#else
      HWY_ALIGN std::uint8_t part[kWidth];
      hn::Store(bytes, d8, part);
      CopyFirst<kWidth>(part, static_cast<std::size_t>(channels_), output);
#endif
    }
  }

  hn::Vec<DReals> low_, high_;                  // multipliers
  hn::Vec<DReals> highest_low_, highest_high_;  // without zero point
  VWords zero_points_;
  VBytes lowest_;  // level
  int channels_;
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_NARROW_STORE_SIMD_INL_H
