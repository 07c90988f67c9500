// SPDX-License-Identifier: MIT
// Keeps the compiler from being too clever with accumulators. Included once per target, inside each
// *_simd.cpp.

#if defined(QUANT_OPAQUE_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_OPAQUE_SIMD_INL_H
#undef QUANT_OPAQUE_SIMD_INL_H
#else
#define QUANT_OPAQUE_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {

// The value of `sum`, about which the compiler knows nothing from here on. It costs no instruction.
// After a loop: Highway keeps integer vectors in one machine type and adds them in another, and GCC
// holds a sum that is used behind the loop once per type, spilling half of the accumulators (half
// the speed). Between unrolled additions: GCC re-orders them into trees with more live values than
// registers.
template <class V>
HWY_INLINE void MakeOpaque([[maybe_unused]] V& sum) {
#if HWY_COMPILER_GCC && HWY_ARCH_X86
  __asm__("" : "+v"(sum.raw));
#endif
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_OPAQUE_SIMD_INL_H
