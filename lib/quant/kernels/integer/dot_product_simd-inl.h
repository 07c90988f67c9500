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
#elif HWY_TARGET == QUANT_SIMD_NEON_DOT_BITS
#define QUANT_HAVE_DOT_PRODUCT 1
#ifdef __ARM_FEATURE_DOTPROD
#define QUANT_BEFORE_DOT_NAMESPACE() HWY_BEFORE_NAMESPACE()
#else
// The least that GCC inlines vdotq_s32 and Highway's own functions into.
#define QUANT_BEFORE_DOT_NAMESPACE() \
  HWY_PUSH_ATTRIBUTES("arch=armv8.2-a+crypto+dotprod") static_assert(true)
#endif
#else
#define QUANT_HAVE_DOT_PRODUCT 0
#endif

#if QUANT_HAVE_DOT_PRODUCT
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// AsFactors: activations as AddDotProducts wants them. Where the CPU multiplies signed bytes alone,
// they are less by kFactorOffset, and the bias makes up for it.
#if HWY_ARCH_X86
inline constexpr std::int32_t kFactorOffset = 0;
template <class V>
HWY_INLINE V AsFactors(V activations) {
  return activations;
}
#else
inline constexpr std::int32_t kFactorOffset = 128;
template <class V>
HWY_INLINE V AsFactors(V activations) {
  return hn::Xor(activations, hn::Set(hn::DFromV<V>(), std::uint8_t{128}));
}
#endif

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {

// The same four bytes in every lane.
template <class D8>
HWY_INLINE hn::Vec<D8> LoadFour(D8 d8, const std::uint8_t* bytes) {
  std::int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return hn::BitCast(d8, hn::Set(hn::Repartition<std::int32_t, D8>(), four));
}

// The same eight bytes in every 64 bits.
template <class D8>
HWY_INLINE hn::Vec<D8> LoadEight(D8 d8, const std::uint8_t* bytes) {
  std::int64_t eight;
  std::memcpy(&eight, bytes, sizeof eight);
  return hn::BitCast(d8, hn::Set(hn::Repartition<std::int64_t, D8>(), eight));
}

// AddDotProducts: lane i of `sum` plus products of bytes 4i…4i+3, modulo 2^32: nothing saturates.
// AddStep: the same where all lanes read the same activations, those of step kStep.
// AddPairProducts: lane i of `sum` plus s16·s16 products of words 2i and 2i+1, modulo 2^32, too.
// StoreFirst: the first `count` bytes.
#if HWY_TARGET == HWY_AVX3
inline constexpr Isa kDotProductIsa = Isa::kAvx512Vnni;
HWY_INLINE hn::Vec512<std::int32_t> AddDotProducts(hn::Vec512<std::int32_t> sum,
                                                   hn::Vec512<std::uint8_t> factors,
                                                   hn::Vec512<std::int8_t> weights) {
  return hn::Vec512<std::int32_t>{_mm512_dpbusd_epi32(sum.raw, factors.raw, weights.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> AddDotProducts(hn::Vec256<std::int32_t> sum,
                                                   hn::Vec256<std::uint8_t> factors,
                                                   hn::Vec256<std::int8_t> weights) {
  return hn::Vec256<std::int32_t>{_mm256_dpbusd_epi32(sum.raw, factors.raw, weights.raw)};
}
HWY_INLINE hn::Vec512<std::int32_t> AddPairProducts(hn::Vec512<std::int32_t> sum,
                                                    hn::Vec512<std::int16_t> a,
                                                    hn::Vec512<std::int16_t> b) {
  return hn::Vec512<std::int32_t>{_mm512_dpwssd_epi32(sum.raw, a.raw, b.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> AddPairProducts(hn::Vec256<std::int32_t> sum,
                                                    hn::Vec256<std::int16_t> a,
                                                    hn::Vec256<std::int16_t> b) {
  return hn::Vec256<std::int32_t>{_mm256_dpwssd_epi32(sum.raw, a.raw, b.raw)};
}
template <class D>
HWY_INLINE void StoreFirst(hn::Vec<D> bytes, D d, std::uint8_t* output, std::int64_t count) {
  hn::BlendedStore(bytes, hn::FirstN(d, static_cast<std::size_t>(count)), d, output);
}
#else
template <class D>
HWY_INLINE void StoreFirst(hn::Vec<D> bytes, D d, std::uint8_t* output, std::int64_t count) {
  HWY_ALIGN std::uint8_t part[hn::MaxLanes(d)];
  hn::Store(bytes, d, part);
  std::memcpy(output, part, static_cast<std::size_t>(count));
}
#endif
#if HWY_TARGET == HWY_AVX2
inline constexpr Isa kDotProductIsa = Isa::kAvxVnni;
HWY_INLINE hn::Vec256<std::int32_t> AddDotProducts(hn::Vec256<std::int32_t> sum,
                                                   hn::Vec256<std::uint8_t> factors,
                                                   hn::Vec256<std::int8_t> weights) {
  return hn::Vec256<std::int32_t>{_mm256_dpbusd_avx_epi32(sum.raw, factors.raw, weights.raw)};
}
HWY_INLINE hn::Vec256<std::int32_t> AddPairProducts(hn::Vec256<std::int32_t> sum,
                                                    hn::Vec256<std::int16_t> a,
                                                    hn::Vec256<std::int16_t> b) {
  return hn::Vec256<std::int32_t>{_mm256_dpwssd_avx_epi32(sum.raw, a.raw, b.raw)};
}
#endif

#if HWY_ARCH_X86
inline constexpr bool kHasPairProducts = true;
inline constexpr int kLoadSteps = 1;
template <int kStep, class V32, class V8, class V8s>
HWY_INLINE V32 AddStep(V32 sum, V8 factors, V8s weights) {
  return AddDotProducts(sum, factors, weights);
}
#else
inline constexpr Isa kDotProductIsa = Isa::kNeonDot;
inline constexpr bool kHasPairProducts = false;
HWY_INLINE hn::Vec128<std::int32_t> AddDotProducts(hn::Vec128<std::int32_t> sum,
                                                   hn::Vec128<std::uint8_t> factors,
                                                   hn::Vec128<std::int8_t> weights) {
  return hn::Vec128<std::int32_t>(
      vdotq_s32(sum.raw, weights.raw, vreinterpretq_s8_u8(factors.raw)));
}

inline constexpr int kLoadSteps = 4;
template <int kStep>
HWY_INLINE hn::Vec128<std::int32_t> AddStep(hn::Vec128<std::int32_t> sum,
                                            hn::Vec128<std::uint8_t> factors,
                                            hn::Vec128<std::int8_t> weights) {
  return hn::Vec128<std::int32_t>(
      vdotq_laneq_s32(sum.raw, weights.raw, vreinterpretq_s8_u8(factors.raw), kStep));
}
#endif

// The factors of kSteps steps, kLoadSteps or one, for AddStep.
template <int kSteps, class D8>
HWY_INLINE hn::Vec<D8> LoadSteps(D8 d8, const std::uint8_t* activations) {
  if constexpr (kSteps == 1) return AsFactors(LoadFour(d8, activations));
  return AsFactors(hn::LoadU(d8, activations));
}

// A vector of weights for each of kSteps steps, `stride` bytes apart.
template <int kSteps, class D8s>
class StepWeights {
 public:
  HWY_INLINE StepWeights(const std::int8_t* weights, std::int64_t stride)
      : first_(hn::LoadU(D8s(), weights)),
        second_(kSteps > 1 ? hn::LoadU(D8s(), weights + stride) : first_),
        third_(kSteps > 1 ? hn::LoadU(D8s(), weights + 2 * stride) : first_),
        fourth_(kSteps > 1 ? hn::LoadU(D8s(), weights + 3 * stride) : first_) {}

  template <class V32, class V8>
  HWY_INLINE V32 AddProducts(V32 sum, V8 factors) const {
    sum = AddStep<0>(sum, factors, first_);
    if constexpr (kSteps > 1) {
      sum = AddStep<1>(sum, factors, second_);
      sum = AddStep<2>(sum, factors, third_);
      sum = AddStep<3>(sum, factors, fourth_);
    }
    return sum;
  }

 private:
  static_assert(kSteps == 1 || kSteps == 4);
  // Named, not an array: compilers keep arrays of vectors in memory now and then.
  hn::Vec<D8s> first_, second_, third_, fourth_;
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#endif  // QUANT_DOT_PRODUCT_SIMD_INL_H
