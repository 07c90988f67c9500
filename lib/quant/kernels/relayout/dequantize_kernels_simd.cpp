// SPDX-License-Identifier: MIT
#include "quant/kernels/relayout/dequantize_kernels.h"

#include <hwy/cache_control.h>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/relayout/dequantize_kernels_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Full = hn::CappedTag<float, 16>;
using Short = hn::CappedTag<float, 4>;  // rows of a few elements
constexpr std::int64_t kFull = hn::MaxLanes(Full());
constexpr std::int64_t kShort = hn::MaxLanes(Short());
static_assert(4 * kFull <= kParamStep);

template <class D, typename T>
HWY_INLINE hn::Vec<D> Load(D d, const T* in) {
  const hn::Rebind<std::int32_t, D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(hn::Rebind<T, D>(), in)));
}

// The two steps of dequantize() in arithmetic/edge.h, never one fused one.
template <class D>
HWY_INLINE hn::Vec<D> Real(hn::Vec<D> q, hn::Vec<D> scale, hn::Vec<D> zero_point) {
  return hn::Mul(hn::Sub(q, zero_point), scale);
}

// Elements up to the first that an aligned store can begin at.
HWY_INLINE std::int64_t ElementsToAlignment(const float* out) {
  const auto lane =
      static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) / sizeof(float) % kFull);
  return lane == 0 ? 0 : kFull - lane;
}

// One row of n elements, the last vector over the ones before. vector(d, i, store) makes element i
// and those after it; scalar(i) makes one.
template <class Vector, class Scalar>
HWY_INLINE void Row(float* out, std::int64_t n, Store how, const Vector& vector,
                    const Scalar& scalar) {
  const Full d;
  const auto store = [&](auto tag, std::int64_t i)
                         HWY_ATTR { hn::StoreU(vector(tag, i), tag, out + i); };
  if (n >= kFull) {
    std::int64_t i = ElementsToAlignment(out);
    if (i > 0) store(d, 0);
    if (how == Store::kStreamed) {
      for (; i + kFull <= n; i += kFull) hn::Stream(vector(d, i), d, out + i);
    } else {
      for (; i + 4 * kFull <= n; i += 4 * kFull) {
        store(d, i);
        store(d, i + kFull);
        store(d, i + 2 * kFull);
        store(d, i + 3 * kFull);
      }
      for (; i + kFull <= n; i += kFull) store(d, i);
    }
    if (i < n) store(d, n - kFull);
  } else if (n >= kShort) {
    std::int64_t i = 0;
    for (; i + kShort <= n; i += kShort) store(Short(), i);
    if (i < n) store(Short(), n - kShort);
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i] = scalar(i);
  }
}

template <typename T>
void ByRow(const T* in, std::int64_t in_step, float* out, std::int64_t out_step, std::int64_t rows,
           std::int64_t columns, const float* scales, const float* zero_points,
           std::int64_t param_step, Store how) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float scale = scales[r * param_step];
    const float zero_point = zero_points[r * param_step];
    const T* from = in + r * in_step;
    Row(
        out + r * out_step, columns, how,
        [&](auto d, std::int64_t i) HWY_ATTR {
          return Real<decltype(d)>(Load(d, from + i), hn::Set(d, scale), hn::Set(d, zero_point));
        },
        [&](std::int64_t i) { return (static_cast<float>(from[i]) - zero_point) * scale; });
  }
  if (how == Store::kStreamed) hwy::FlushStream();
}

// A row that is longer than the period, from the first channel on.
template <typename T>
void PeriodicRow(const T* in, float* out, std::int64_t n, const float* scales,
                 const float* zero_points, std::int64_t period, Store how) {
  const Full d;
  const auto real = [&](std::int64_t i, std::int64_t phase) HWY_ATTR {
    return Real<Full>(Load(d, in + i), hn::LoadU(d, scales + phase),
                      hn::LoadU(d, zero_points + phase));
  };
  std::int64_t i = ElementsToAlignment(out);
  if (i > 0) hn::StoreU(real(0, 0), d, out);
  std::int64_t phase = i;  // below kFull, and so below the period
  // Written out: compilers do not unroll it, and it is twice as slow then.
  const auto four = [&](const auto& store) HWY_ATTR {
    for (; i + 4 * kFull <= n; i += 4 * kFull) {
      store(real(i, phase), i);
      store(real(i + kFull, phase + kFull), i + kFull);
      store(real(i + 2 * kFull, phase + 2 * kFull), i + 2 * kFull);
      store(real(i + 3 * kFull, phase + 3 * kFull), i + 3 * kFull);
      phase += 4 * kFull;
      if (phase >= period) phase -= period;
    }
  };
  if (how == Store::kStreamed) {
    four([&](auto values, std::int64_t at) HWY_ATTR { hn::Stream(values, d, out + at); });
  } else {
    four([&](auto values, std::int64_t at) HWY_ATTR { hn::StoreU(values, d, out + at); });
  }
  for (; i + kFull <= n; i += kFull, phase += kFull) hn::StoreU(real(i, phase), d, out + i);
  if (i < n) hn::StoreU(real(n - kFull, (n - kFull) % period), d, out + n - kFull);
}

template <typename T>
void ByColumn(const T* in, std::int64_t in_step, float* out, std::int64_t out_step,
              std::int64_t rows, std::int64_t columns, const float* scales,
              const float* zero_points, std::int64_t period, Store how) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = in + r * in_step;
    if (columns > period) {
      PeriodicRow(from, out + r * out_step, columns, scales, zero_points, period, how);
      continue;
    }
    Row(
        out + r * out_step, columns, how,
        [&](auto d, std::int64_t i) HWY_ATTR {
          return Real<decltype(d)>(Load(d, from + i), hn::LoadU(d, scales + i),
                                   hn::LoadU(d, zero_points + i));
        },
        [&](std::int64_t i) { return (static_cast<float>(from[i]) - zero_points[i]) * scales[i]; });
  }
  if (how == Store::kStreamed) hwy::FlushStream();
}

template <typename T>
const DequantizeKernels<T>* Kernels() {
  static constexpr DequantizeKernels<T> kernels{integer::isa_of_target(HWY_TARGET), ByRow<T>,
                                                ByColumn<T>};
  return &kernels;
}

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant {

template <>
const DequantizeKernels<std::uint8_t>* dequantize_kernels(Isa isa) {
  QUANT_SIMD_SELECT(isa, Kernels<std::uint8_t>());
}

template <>
const DequantizeKernels<std::uint16_t>* dequantize_kernels(Isa isa) {
  QUANT_SIMD_SELECT(isa, Kernels<std::uint16_t>());
}

}  // namespace quant
#endif  // HWY_ONCE
