// SPDX-License-Identifier: MIT
// RowPairKernel by dot products: one lane holds an output's whole column, of either row.
#include <cstring>

#include "quant/kernels/integer/row_pair_kernel.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/byte_row_pair_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
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
  static constexpr int kGroups = 1;
  static constexpr bool kOdd = false;
  static HWY_INLINE void Add(V32& sum, V32&, V8 activations, V8 weights) {
    sum = AddDotProducts(sum, activations, hn::BitCast(hn::RebindToSigned<D8>(), weights));
  }
};

#include "quant/kernels/integer/row_pair_simd-inl.h"

void Interleave(const InterleaveJob& shared) {
  const InterleaveJob job = shared;
  ForUnits(job.units, [&](auto d8, std::int64_t unit) HWY_ATTR {
    const hn::Repartition<std::uint16_t, decltype(d8)> d16;
    const std::int64_t at = unit * kRowUnit;
    const auto a = AsFactors(hn::LoadU(d8, job.rows[0] + at));
    const auto b = AsFactors(hn::LoadU(d8, job.rows[1] + at));
    const auto c = AsFactors(hn::LoadU(d8, job.rows[2] + at));
    const auto d = AsFactors(hn::LoadU(d8, job.rows[3] + at));
    const auto ab_low = hn::BitCast(d16, hn::InterleaveLower(d8, a, b));
    const auto ab_high = hn::BitCast(d16, hn::InterleaveUpper(d8, a, b));
    const auto cd_low = hn::BitCast(d16, hn::InterleaveLower(d8, c, d));
    const auto cd_high = hn::BitCast(d16, hn::InterleaveUpper(d8, c, d));
    const auto store = [&](int plane, auto words) HWY_ATTR {
      hn::StoreU(hn::BitCast(d8, words), d8, job.out + plane * job.plane_bytes + at);
    };
    store(0, hn::InterleaveLower(d16, ab_low, cd_low));
    store(1, hn::InterleaveUpper(d16, ab_low, cd_low));
    store(2, hn::InterleaveLower(d16, ab_high, cd_high));
    store(3, hn::InterleaveUpper(d16, ab_high, cd_high));
  });
}

const RowPairKernel* Kernel() {
  static constexpr RowPairKernel kernel{kDotProductIsa, kBytes / kRowUnit, 4, Interleave, Run,
                                        kFactorOffset};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant::integer {

const RowPairKernel* byte_row_pair_kernel(Isa isa) { QUANT_SIMD_SELECT_DOT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
