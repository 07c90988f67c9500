// SPDX-License-Identifier: MIT
// Dot products of four bytes, and what else Highway lacks on the targets that have them.
// Included once per target, inside each *_simd.cpp, whose code then stands between
// QUANT_BEFORE_DOT_NAMESPACE() and HWY_AFTER_NAMESPACE(), where QUANT_HAVE_DOT_PRODUCT.

#if defined(QUANT_DOT_PRODUCT_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_DOT_PRODUCT_SIMD_INL_H
#undef QUANT_DOT_PRODUCT_SIMD_INL_H
#else
#define QUANT_DOT_PRODUCT_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef QUANT_HAVE_DOT_PRODUCT
#undef QUANT_BEFORE_DOT_NAMESPACE
#if HWY_TARGET == HWY_AVX3
#define QUANT_HAVE_DOT_PRODUCT 1
#define QUANT_BEFORE_DOT_NAMESPACE() \
  HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni,avx512vbmi") static_assert(true)
#elif HWY_TARGET == HWY_AVX2
#define QUANT_HAVE_DOT_PRODUCT 1
#define QUANT_BEFORE_DOT_NAMESPACE() \
  HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avxvnni") static_assert(true)
#else
#define QUANT_HAVE_DOT_PRODUCT 0
#endif

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The same four bytes in every lane.
HWY_INLINE hn::Vec<hn::ScalableTag<std::uint8_t>> LoadFour(const std::uint8_t* bytes) {
  std::int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return hn::BitCast(hn::ScalableTag<std::uint8_t>(),
                     hn::Set(hn::ScalableTag<std::int32_t>(), four));
}

// The same eight bytes in every 64 bits.
HWY_INLINE hn::Vec<hn::ScalableTag<std::uint8_t>> LoadEight(const std::uint8_t* bytes) {
  std::int64_t eight;
  std::memcpy(&eight, bytes, sizeof eight);
  return hn::BitCast(hn::ScalableTag<std::uint8_t>(),
                     hn::Set(hn::ScalableTag<std::int64_t>(), eight));
}

// AddDotProducts: lane i of `sum` plus u8·s8 products of bytes 4i…4i+3, modulo 2^32: nothing
// saturates.
// AddPairProducts: lane i of `sum` plus s16·s16 products of words 2i and 2i+1, modulo 2^32, too.
// StoreFirst: the first `count` bytes.
#if HWY_TARGET == HWY_AVX3
inline constexpr Isa kDotProductIsa = Isa::kAvx512Vnni;
HWY_INLINE hn::Vec512<std::int32_t> AddDotProducts(hn::Vec512<std::int32_t> sum,
                                                   hn::Vec512<std::uint8_t> activations,
                                                   hn::Vec512<std::int8_t> weights) {
  return hn::Vec512<std::int32_t>{_mm512_dpbusd_epi32(sum.raw, activations.raw, weights.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> AddDotProducts(hn::Vec256<std::int32_t> sum,
                                                   hn::Vec256<std::uint8_t> activations,
                                                   hn::Vec256<std::int8_t> weights) {
  return hn::Vec256<std::int32_t>{_mm256_dpbusd_epi32(sum.raw, activations.raw, weights.raw)};
}
HWY_INLINE hn::Vec512<std::int32_t> AddPairProducts(hn::Vec512<std::int32_t> sum,
                                                    hn::Vec512<std::int16_t> a,
                                                    hn::Vec512<std::int16_t> b) {
  return hn::Vec512<std::int32_t>{_mm512_dpwssd_epi32(sum.raw, a.raw, b.raw)};
}
template <class D>
HWY_INLINE void StoreFirst(hn::Vec<D> bytes, D d, std::uint8_t* output, std::int64_t count) {
  hn::BlendedStore(bytes, hn::FirstN(d, static_cast<std::size_t>(count)), d, output);
}
#else
inline constexpr Isa kDotProductIsa = Isa::kAvxVnni;
HWY_INLINE hn::Vec256<std::int32_t> AddDotProducts(hn::Vec256<std::int32_t> sum,
                                                   hn::Vec256<std::uint8_t> activations,
                                                   hn::Vec256<std::int8_t> weights) {
  return hn::Vec256<std::int32_t>{_mm256_dpbusd_avx_epi32(sum.raw, activations.raw, weights.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> AddPairProducts(hn::Vec256<std::int32_t> sum,
                                                    hn::Vec256<std::int16_t> a,
                                                    hn::Vec256<std::int16_t> b) {
  return hn::Vec256<std::int32_t>{_mm256_dpwssd_avx_epi32(sum.raw, a.raw, b.raw)};
}
template <class D>
HWY_INLINE void StoreFirst(hn::Vec<D> bytes, D d, std::uint8_t* output, std::int64_t count) {
  HWY_ALIGN std::uint8_t part[hn::MaxLanes(d)];
  hn::Store(bytes, d, part);
  std::memcpy(output, part, static_cast<std::size_t>(count));
}
#endif

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#endif  // QUANT_DOT_PRODUCT_SIMD_INL_H
