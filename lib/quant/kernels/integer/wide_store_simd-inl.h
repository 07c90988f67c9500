// SPDX-License-Identifier: MIT
// From sums in double to stored levels, one vector of channels. Included once per target, inside
// each *_simd.cpp.

#if defined(QUANT_WIDE_STORE_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_WIDE_STORE_SIMD_INL_H
#undef QUANT_WIDE_STORE_SIMD_INL_H
#else
#define QUANT_WIDE_STORE_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>

#include "quant/kernels/integer/panel_kernel.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using WideD = hn::ScalableTag<double>;
using WideV = hn::Vec<WideD>;
using WideD32 = hn::Rebind<std::int32_t, WideD>;  // as many lanes
using WideDF = hn::Rebind<float, WideD>;
inline constexpr int kWideLanes = static_cast<int>(hn::MaxLanes(WideD()));

// Activations as doubles.
template <typename In>
HWY_INLINE WideV LoadWide(const In* in) {
  const WideD d;
  return hn::PromoteTo(d, hn::PromoteTo(WideD32(), hn::LoadU(hn::Rebind<In, WideD>(), in)));
}

struct WideStore {
  WideV bias, multiplier, lowest, highest;
  hn::Vec<WideD32> zero_point;
  HWY_INLINE WideStore(const double* biases, const StoreLanes<double>& lanes, std::int64_t first)
      : bias(hn::LoadU(WideD(), biases + first)),
        multiplier(hn::LoadU(WideD(), lanes.multipliers + first)),
        lowest(hn::LoadU(WideD(), lanes.lowest + first)),
        highest(hn::LoadU(WideD(), lanes.highest + first)),
        zero_point(hn::LoadU(WideD32(), lanes.zero_points + first)) {}

  // The first `channels` of them.
  template <typename Out>
  HWY_INLINE void Store(WideV sum, Out* output, std::int64_t channels) const {
    const hn::Rebind<Out, WideD> d;
    const WideV t = hn::Mul(hn::Add(sum, bias), multiplier);
    const WideV clamped = hn::Round(hn::Min(hn::Max(t, lowest), highest));
    const auto q = hn::DemoteTo(d, hn::Add(hn::DemoteTo(WideD32(), clamped), zero_point));
    if (channels >= kWideLanes) {
      hn::StoreU(q, d, output);
    } else if (channels > 0) {
      HWY_ALIGN Out part[kWideLanes];
      hn::Store(q, d, part);
      std::memcpy(output, part, static_cast<std::size_t>(channels) * sizeof(Out));
    }
  }
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#endif  // QUANT_WIDE_STORE_SIMD_INL_H
