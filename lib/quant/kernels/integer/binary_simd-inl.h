// SPDX-License-Identifier: MIT
// Operations of two tensors, element by element. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_BINARY_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_BINARY_SIMD_INL_H
#undef QUANT_BINARY_SIMD_INL_H
#else
#define QUANT_BINARY_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>
#include <limits>

#include "quant/kernels/integer/element_vectors_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"
#include "quant/kernels/integer/span_kernels.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <BinaryOp kOp, typename T>
struct BinaryVectors {
  using V = Vectors<T>;
  using Real = typename V::Real;
  using VReal = typename V::VReal;
  typename V::Output output;
  VReal a_zero, b_zero, a_multiplier, b_multiplier;

  HWY_INLINE explicit BinaryVectors(const BinaryRule<Real>& r)
      : output(r.output),
        a_zero(V::Set(static_cast<Real>(r.a_zero_point))),
        b_zero(V::Set(static_cast<Real>(r.b_zero_point))),
        a_multiplier(V::Set(r.multipliers.a)),
        b_multiplier(V::Set(r.multipliers.b)) {}

  // Differences of zero points and products of two differences are exact.
  HWY_INLINE typename V::VT operator()(typename V::VT a, typename V::VT b) const {
    const typename V::DReal d;
    const VReal fa = hn::Sub(V::ToReal(a), a_zero);
    const VReal fb = hn::Sub(V::ToReal(b), b_zero);
    VReal t = hn::Zero(d);
    if constexpr (kOp == BinaryOp::kAdd) {
      t = hn::Add(hn::Mul(fa, a_multiplier), hn::Mul(fb, b_multiplier));
    } else if constexpr (kOp == BinaryOp::kSub) {
      t = hn::Sub(hn::Mul(fa, a_multiplier), hn::Mul(fb, b_multiplier));
    } else if constexpr (kOp == BinaryOp::kMin) {
      t = hn::Min(hn::Mul(fa, a_multiplier), hn::Mul(fb, b_multiplier));
    } else if constexpr (kOp == BinaryOp::kMax) {
      t = hn::Max(hn::Mul(fa, a_multiplier), hn::Mul(fb, b_multiplier));
    } else if constexpr (kOp == BinaryOp::kMul) {
      t = hn::Mul(hn::Mul(fa, fb), a_multiplier);
    } else {
      const VReal zero = hn::Zero(d);
      const VReal infinity = hn::Set(d, std::numeric_limits<Real>::infinity());
      const VReal quotient = hn::Div(hn::Mul(fa, a_multiplier), fb);
      t = hn::IfThenElse(hn::Eq(fb, zero), hn::Mul(fa, infinity), quotient);
      t = hn::IfThenZeroElse(hn::Eq(fa, zero), t);
    }
    return output.Levels(t);
  }
};

template <BinaryOp kOp, typename T>
void BinaryLoop(const BinaryRule<RuleReal<T>>& rule, const T* a, int a_step, const T* b, int b_step,
                T* out, std::int64_t n) {
  constexpr std::int64_t kLanes = Vectors<T>::kLanes;
  using VT = typename Vectors<T>::VT;
  const typename Vectors<T>::DT d;
  const BinaryVectors<kOp, T> vectors(rule);
  const VT a_first = hn::Set(d, *a);
  const VT b_first = hn::Set(d, *b);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VT va = a_step == 0 ? a_first : hn::LoadU(d, a + i);
    const VT vb = b_step == 0 ? b_first : hn::LoadU(d, b + i);
    hn::StoreU(vectors(va, vb), d, out + i);
  }
  if (i == n) return;
  HWY_ALIGN T rest_a[kLanes] = {};
  HWY_ALIGN T rest_b[kLanes] = {};
  const auto rest = static_cast<std::size_t>(n - i) * sizeof(T);
  if (a_step != 0) std::memcpy(rest_a, a + i, rest);
  if (b_step != 0) std::memcpy(rest_b, b + i, rest);
  const VT va = a_step == 0 ? a_first : hn::Load(d, rest_a);
  const VT vb = b_step == 0 ? b_first : hn::Load(d, rest_b);
  hn::Store(vectors(va, vb), d, rest_a);
  std::memcpy(out + i, rest_a, rest);
}

template <typename T>
void Binary(const BinaryRule<RuleReal<T>>& rule, const T* a, int a_step, const T* b, int b_step,
            T* out, std::int64_t n) {
  if (n == 0) return;
  switch (rule.op) {
    case BinaryOp::kAdd:
      return BinaryLoop<BinaryOp::kAdd>(rule, a, a_step, b, b_step, out, n);
    case BinaryOp::kSub:
      return BinaryLoop<BinaryOp::kSub>(rule, a, a_step, b, b_step, out, n);
    case BinaryOp::kMul:
      return BinaryLoop<BinaryOp::kMul>(rule, a, a_step, b, b_step, out, n);
    case BinaryOp::kDiv:
      return BinaryLoop<BinaryOp::kDiv>(rule, a, a_step, b, b_step, out, n);
    case BinaryOp::kMin:
      return BinaryLoop<BinaryOp::kMin>(rule, a, a_step, b, b_step, out, n);
    case BinaryOp::kMax:
      return BinaryLoop<BinaryOp::kMax>(rule, a, a_step, b, b_step, out, n);
  }
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_BINARY_SIMD_INL_H
