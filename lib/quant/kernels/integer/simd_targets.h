// SPDX-License-Identifier: MIT
// From an Isa to what Highway compiled for it. Every *_simd.cpp is compiled once per target and
// ends in one function that picks by Isa: the choice is made when a plan is made, not by Highway's
// global state. A *_simd.cpp includes it before any header of Highway's.
#pragma once

// Only the targets that have a name in isa.h. Scalable vectors (SVE) cannot be kept as the kernels
// keep them.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#include <hwy/detect_targets.h>

#include <cstdint>

#include "quant/kernels/integer/isa.h"

// QUANT_SIMD_SELECT(isa, expression): `expression` inside the namespace of the target of `isa`,
// converted to a pointer; null for kRef and for what is not compiled in. Use after
// HWY_AFTER_NAMESPACE, under HWY_ONCE.
#if HWY_TARGETS & HWY_SSE4
#define QUANT_SIMD_SSE4(expression) return N_SSE4::expression
#define QUANT_SIMD_SSE4_BITS HWY_SSE4
#else
#define QUANT_SIMD_SSE4(expression) return nullptr
#define QUANT_SIMD_SSE4_BITS 0
#endif
#if HWY_TARGETS & HWY_AVX2
#define QUANT_SIMD_AVX2(expression) return N_AVX2::expression
#define QUANT_SIMD_AVX2_BITS HWY_AVX2
#else
#define QUANT_SIMD_AVX2(expression) return nullptr
#define QUANT_SIMD_AVX2_BITS 0
#endif
#if HWY_TARGETS & HWY_AVX3
#define QUANT_SIMD_AVX512(expression) return N_AVX3::expression
#define QUANT_SIMD_AVX512_BITS HWY_AVX3
#else
#define QUANT_SIMD_AVX512(expression) return nullptr
#define QUANT_SIMD_AVX512_BITS 0
#endif
// Newer Highway has a second NEON target, for CPUs without AES; it is all that we need of either.
#if defined(HWY_NEON_WITHOUT_AES) && (HWY_TARGETS & HWY_NEON_WITHOUT_AES)
#define QUANT_SIMD_NEON(expression) return N_NEON_WITHOUT_AES::expression
#define QUANT_SIMD_NEON_BITS HWY_NEON_WITHOUT_AES
#elif HWY_TARGETS & HWY_NEON
#define QUANT_SIMD_NEON(expression) return N_NEON::expression
#define QUANT_SIMD_NEON_BITS HWY_NEON
#else
#define QUANT_SIMD_NEON(expression) return nullptr
#define QUANT_SIMD_NEON_BITS 0
#endif
// Dot products: Clang has intrinsics for them only where the whole build may use them.
#if HWY_ARCH_ARM_A64 && (HWY_COMPILER_GCC_ACTUAL || defined(__ARM_FEATURE_DOTPROD))
#define QUANT_SIMD_NEON_DOT(expression) QUANT_SIMD_NEON(expression)
#define QUANT_SIMD_NEON_DOT_BITS QUANT_SIMD_NEON_BITS
#else
#define QUANT_SIMD_NEON_DOT(expression) return nullptr
#define QUANT_SIMD_NEON_DOT_BITS 0
#endif

// Under #if: whether Highway compiles for an Isa just now, and not for what it falls back to.
#define QUANT_SIMD_TARGET \
  (HWY_TARGET &           \
   (QUANT_SIMD_SSE4_BITS | QUANT_SIMD_AVX2_BITS | QUANT_SIMD_AVX512_BITS | QUANT_SIMD_NEON_BITS))

#define QUANT_SIMD_SELECT(isa, expression) \
  switch (isa) {                           \
    case Isa::kRef:                        \
      return nullptr;                      \
    case Isa::kSse4:                       \
      QUANT_SIMD_SSE4(expression);         \
    case Isa::kAvx2:                       \
    case Isa::kAvxVnni:                    \
      QUANT_SIMD_AVX2(expression);         \
    case Isa::kAvx512:                     \
    case Isa::kAvx512Vnni:                 \
      QUANT_SIMD_AVX512(expression);       \
    case Isa::kNeon:                       \
    case Isa::kNeonDot:                    \
      QUANT_SIMD_NEON(expression);         \
  }                                        \
  return nullptr

// The same for kernels of dot products (dot_product_simd-inl.h): null where `isa` has none.
#define QUANT_SIMD_SELECT_DOT(isa, expression) \
  switch (isa) {                               \
    case Isa::kAvxVnni:                        \
      QUANT_SIMD_AVX2(expression);             \
    case Isa::kAvx512Vnni:                     \
      QUANT_SIMD_AVX512(expression);           \
    case Isa::kNeonDot:                        \
      QUANT_SIMD_NEON_DOT(expression);         \
    case Isa::kRef:                            \
    case Isa::kSse4:                           \
    case Isa::kAvx2:                           \
    case Isa::kAvx512:                         \
    case Isa::kNeon:                           \
      break;                                   \
  }                                            \
  return nullptr

namespace quant::integer {

// The bit of hwy::SupportedTargets() that runs it; 0 where it is not compiled in.
constexpr std::int64_t target_bits(Isa isa) {
  switch (isa) {
    case Isa::kRef:
      return 0;
    case Isa::kSse4:
      return QUANT_SIMD_SSE4_BITS;
    case Isa::kAvx2:
    case Isa::kAvxVnni:
      return QUANT_SIMD_AVX2_BITS;
    case Isa::kAvx512:
    case Isa::kAvx512Vnni:
      return QUANT_SIMD_AVX512_BITS;
    case Isa::kNeon:  // NOLINT(bugprone-branch-clone): elsewhere both are 0
      return QUANT_SIMD_NEON_BITS;
    case Isa::kNeonDot:
      return QUANT_SIMD_NEON_DOT_BITS;
  }
  return 0;
}

// The Isa that a target of Highway's stands for; kRef for those that have no name here.
constexpr Isa isa_of_target(std::int64_t target) {
  for (const Isa isa : {Isa::kSse4, Isa::kAvx2, Isa::kAvx512, Isa::kNeon}) {
    if (target == target_bits(isa)) return isa;
  }
  return Isa::kRef;
}

}  // namespace quant::integer
