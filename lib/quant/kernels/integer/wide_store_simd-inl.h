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
#include "quant/kernels/integer/requantize_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
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

// The first `channels` of a vector of levels.
template <class D32, typename Out>
HWY_INLINE void StoreLevels(D32 d32, hn::Vec<D32> levels, Out* output, std::int64_t channels) {
  const hn::Rebind<Out, D32> d;
  constexpr std::int64_t kLanes = hn::MaxLanes(d32);
  const auto q = hn::DemoteTo(d, levels);
  if (channels >= kLanes) {
    hn::StoreU(q, d, output);
  } else if (channels > 0) {
#if HWY_TARGET == HWY_AVX3
    hn::BlendedStore(q, hn::FirstN(d, static_cast<std::size_t>(channels)), d, output);
#else
    HWY_ALIGN Out part[kLanes];
    hn::Store(q, d, part);
    std::memcpy(output, part, static_cast<std::size_t>(channels) * sizeof(Out));
#endif
  }
}

struct WideStore {
  WideV bias, multiplier;
  WideStoreConstants<WideD> constants;
  HWY_INLINE WideStore(const double* biases, const StoreLanes<double>& lanes, std::int64_t first)
      : bias(hn::LoadU(WideD(), biases + first)),
        multiplier(hn::LoadU(WideD(), lanes.multipliers + first)),
        constants(lanes.lowest + first, lanes.highest + first, lanes.zero_points + first) {}

  HWY_INLINE hn::Vec<WideD32> Levels(WideV sum) const {
    return RoundToOutput<WideD>(hn::Mul(hn::Add(sum, bias), multiplier), constants);
  }
  // The first `channels` of them.
  template <typename Out>
  HWY_INLINE void Store(WideV sum, Out* output, std::int64_t channels) const {
    StoreLevels(WideD32(), Levels(sum), output, channels);
  }
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_WIDE_STORE_SIMD_INL_H
