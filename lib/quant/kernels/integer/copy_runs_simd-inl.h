// SPDX-License-Identifier: MIT
// PanelKernel::widen where nothing is widened. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_COPY_RUNS_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_COPY_RUNS_SIMD_INL_H
#undef QUANT_COPY_RUNS_SIMD_INL_H
#else
#define QUANT_COPY_RUNS_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors that overlap at the end cover any length from the narrowest on without reading or writing
// past it.
template <int kWidth>
HWY_INLINE void CopyRun(const std::uint8_t* in, std::int64_t length, std::uint8_t* out) {
  const hn::CappedTag<std::uint8_t, kWidth> d8;
  constexpr std::int64_t kStep = hn::MaxLanes(d8);
  if (length >= kStep) {
    for (std::int64_t i = 0; i + kStep < length; i += kStep) {
      hn::StoreU(hn::LoadU(d8, in + i), d8, out + i);
    }
    hn::StoreU(hn::LoadU(d8, in + length - kStep), d8, out + length - kStep);
    return;
  }
  if constexpr (kWidth > 4) {
    CopyRun<kWidth / 2>(in, length, out);
  } else {
    for (std::int64_t i = 0; i < length; ++i) out[i] = in[i];
  }
}

template <typename Panel>
void CopyRuns(const WidenJob<Panel>& job) {
  constexpr std::int64_t kSize = sizeof(typename Panel::Widened);
  const WidenJob<Panel> local = job;  // what is stored may alias anything
  const auto* source = static_cast<const std::uint8_t*>(local.source);
  auto* out = reinterpret_cast<std::uint8_t*>(local.out);
  if (local.dense()) return CopyRun<64>(source, kSize * local.pixels * local.length, out);
  for (std::int64_t pixel = 0; pixel < local.pixels; ++pixel) {
    CopyRun<64>(source + kSize * pixel * local.pixel_step, kSize * local.length,
                out + kSize * pixel * local.out_step);
  }
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_COPY_RUNS_SIMD_INL_H
