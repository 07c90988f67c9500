// SPDX-License-Identifier: MIT
// RowPairKernel in pairs of words.
#include "quant/kernels/integer/row_pair_kernel.h"

#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/row_pair_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D8 = hn::ScalableTag<std::uint8_t>;
using D16 = hn::Repartition<std::int16_t, D8>;
using D32 = hn::Repartition<std::int32_t, D8>;
using DF = hn::RebindToFloat<D32>;
using V8 = hn::Vec<D8>;
using V16 = hn::Vec<D16>;
using V32 = hn::Vec<D32>;
constexpr std::int64_t kBytes = hn::MaxLanes(D8());

struct Products {
  static constexpr int kGroups = 2;
  static constexpr bool kOdd = true;
  static HWY_INLINE void Add(V32& sum, V32& odd, V8 activations, V8 weights) {
    sum = hn::ReorderWidenMulAccumulate(D32(), hn::BitCast(D16(), activations),
                                        hn::BitCast(D16(), weights), sum, odd);
  }
};

#include "quant/kernels/integer/row_pair_simd-inl.h"

void Interleave(const InterleaveJob& shared) {
  const InterleaveJob job = shared;
  ForUnits(job.units, [&](auto d8, std::int64_t unit) HWY_ATTR {
    const auto zero = hn::Zero(d8);
    const std::int64_t at = unit * kRowUnit;
    const auto first = hn::LoadU(d8, job.rows[0] + at);
    const auto second = hn::LoadU(d8, job.rows[1] + at);
    const auto low = hn::InterleaveLower(d8, first, second);
    const auto high = hn::InterleaveUpper(d8, first, second);
    std::uint8_t* out = job.out + at;
    hn::StoreU(hn::InterleaveLower(d8, low, zero), d8, out);
    hn::StoreU(hn::InterleaveUpper(d8, low, zero), d8, out + job.plane_bytes);
    hn::StoreU(hn::InterleaveLower(d8, high, zero), d8, out + 2 * job.plane_bytes);
    hn::StoreU(hn::InterleaveUpper(d8, high, zero), d8, out + 3 * job.plane_bytes);
  });
}

const RowPairKernel* Kernel() {
  static constexpr RowPairKernel kernel{isa_of_target(HWY_TARGET), kBytes / kRowUnit, 2, Interleave,
                                        Run};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

const RowPairKernel* row_pair_kernel(Isa isa) { QUANT_SIMD_SELECT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
