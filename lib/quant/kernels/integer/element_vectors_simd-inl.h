// SPDX-License-Identifier: MIT
// Loops over spans of bytes or words by vectors. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_ELEMENT_VECTORS_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_ELEMENT_VECTORS_SIMD_INL_H
#undef QUANT_ELEMENT_VECTORS_SIMD_INL_H
#else
#define QUANT_ELEMENT_VECTORS_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <type_traits>

#include "quant/arithmetic/requantize.h"
#include "quant/kernels/integer/requantize_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"
#include "quant/kernels/integer/store_range.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of T and of what rules on T compute in.
template <typename T>
struct Vectors {
  using Real = RuleReal<T>;
  using DReal = hn::ScalableTag<Real>;
  using DInt = hn::Rebind<std::int32_t, DReal>;
  using DT = hn::Rebind<T, DReal>;
  using VReal = hn::Vec<DReal>;
  using VT = hn::Vec<DT>;
  static constexpr std::int64_t kLanes = hn::MaxLanes(DReal());

  static HWY_INLINE VReal Set(Real value) { return hn::Set(DReal(), value); }
  static HWY_INLINE VReal ToReal(VT elements) {
    const auto integers = hn::PromoteTo(DInt(), elements);
    if constexpr (sizeof(T) == 1) {
      return hn::ConvertTo(DReal(), integers);
    } else {
      return hn::PromoteTo(DReal(), integers);
    }
  }
  static HWY_INLINE VReal Load(const T* in) { return ToReal(hn::LoadU(DT(), in)); }

  class Output {
   public:
    HWY_INLINE explicit Output(const OutputRange& range) : constants_(Range(range)) {}
    HWY_INLINE VT Levels(VReal t) const {
      if constexpr (sizeof(T) == 1) {
        return hn::DemoteTo(DT(), RoundToOutput(DInt(), t, constants_));
      } else {
        return hn::DemoteTo(DT(), RoundToOutput<DReal>(t, constants_));
      }
    }
    HWY_INLINE void Store(VReal t, T* out) const { hn::StoreU(Levels(t), DT(), out); }

   private:
    using Range = std::conditional_t<sizeof(T) == 1, StoreRange, OutputRange>;
    std::conditional_t<sizeof(T) == 1, StoreConstants<DInt>, WideStoreConstants<DReal>> constants_;
  };
};

// Runs vectors(i) for i = 0, step, … and once more for the last step elements, which may overlap;
// false where there are fewer than one step. For loops whose output is none of their inputs.
template <class Function>
HWY_INLINE bool ForOverlapping(std::int64_t n, std::int64_t step, const Function& vectors) {
  if (n < step) return false;
  std::int64_t i = 0;
  for (; i + step <= n; i += step) vectors(i);
  if (i < n) vectors(n - step);
  return true;
}

// vectors(d, i) for the widest vectors of T that fit into n: whole ones, of 16 bytes or of 8; false
// where none does.
template <typename T, class Function>
HWY_INLINE bool ForElements(std::int64_t n, const Function& vectors) {
  const hn::ScalableTag<T> d;
  const hn::CappedTag<T, 16 / sizeof(T)> d16;
  const hn::CappedTag<T, 8 / sizeof(T)> d8;
  const auto lanes = [](auto tag) { return static_cast<std::int64_t>(hn::MaxLanes(tag)); };
  return ForOverlapping(n, lanes(d), [&](std::int64_t i) HWY_ATTR { vectors(d, i); }) ||
         ForOverlapping(n, lanes(d16), [&](std::int64_t i) HWY_ATTR { vectors(d16, i); }) ||
         ForOverlapping(n, lanes(d8), [&](std::int64_t i) HWY_ATTR { vectors(d8, i); });
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_ELEMENT_VECTORS_SIMD_INL_H
