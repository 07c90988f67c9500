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

#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DF = hn::RebindToFloat<D32>;
using D16 = hn::Repartition<std::int16_t, D32>;
using V32 = hn::Vec<D32>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(D32()));
inline constexpr int kTile = 2 * kLanes;

// The low tile half, then the high half, as bytes in channel order.
HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, D16>> ToBytes(V32 low, V32 high) {
  const D16 d16;
  const hn::Rebind<std::uint8_t, D16> d8;
  return hn::DemoteTo(d8, hn::ReorderDemote2To(d16, low, high));
}

// PanelKernel::channel_order of a tile that is stored so.
inline void NarrowChannelOrder(std::int32_t* order) {
  const D32 d32;
  const hn::Rebind<std::uint8_t, D16> d8;
  HWY_ALIGN std::uint8_t channel_of_lane[kTile];
  hn::Store(ToBytes(hn::Iota(d32, 0), hn::Iota(d32, kLanes)), d8, channel_of_lane);
  for (int channel = 0; channel < kTile; ++channel) order[channel_of_lane[channel]] = channel;
}

// kVectors: 2 for a whole tile, 1 for a half. The first `channels` are stored.
template <int kVectors>
class NarrowStore {
 public:
  HWY_INLINE NarrowStore(const StoreLanes<float>& lanes, int channels)
      : low_(lanes, 0), high_(lanes, kVectors == 2 ? kLanes : 0), channels_(channels) {}

  HWY_INLINE void Store(V32 low, [[maybe_unused]] V32 high, std::byte* output) const {
    const V32 q_low = low_.Requantize(low);
    if constexpr (kVectors == 2) {
      StoreBytes(hn::Rebind<std::uint8_t, D16>(), ToBytes(q_low, high_.Requantize(high)),
                 reinterpret_cast<std::uint8_t*>(output));
    } else {
      const hn::Rebind<std::uint8_t, D32> d8;
      StoreBytes(d8, hn::DemoteTo(d8, q_low), reinterpret_cast<std::uint8_t*>(output));
    }
  }

 private:
  struct Half {
    StoreConstants<D32> constants;
    hn::Vec<DF> multiplier;
    HWY_INLINE Half(const StoreLanes<float>& lanes, int first)
        : constants(lanes.lowest + first, lanes.highest + first, lanes.zero_points + first),
          multiplier(hn::LoadU(DF(), lanes.multipliers + first)) {}
    HWY_INLINE V32 Requantize(V32 sum) const {
      return RequantizeVector(D32(), sum, multiplier, constants);
    }
  };

  template <class D8>
  HWY_INLINE void StoreBytes(D8 d8, hn::Vec<D8> bytes, std::uint8_t* output) const {
    if (channels_ == kVectors * kLanes) {
      hn::StoreU(bytes, d8, output);
    } else {
#if HWY_TARGET == HWY_AVX3
      hn::BlendedStore(bytes, hn::FirstN(d8, static_cast<std::size_t>(channels_)), d8, output);
#else
      HWY_ALIGN std::uint8_t part[kVectors * kLanes];
      hn::Store(bytes, d8, part);
      std::memcpy(output, part, static_cast<std::size_t>(channels_));
#endif
    }
  }

  Half low_, high_;
  int channels_;
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#endif  // QUANT_NARROW_STORE_SIMD_INL_H
