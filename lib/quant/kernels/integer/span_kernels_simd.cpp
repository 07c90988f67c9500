// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/span_kernels.h"

#include <algorithm>
#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/span_kernels_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/binary_simd-inl.h"
#include "quant/kernels/integer/element_vectors_simd-inl.h"
#include "quant/kernels/integer/lookup_rule_simd-inl.h"
#include "quant/kernels/integer/lookup_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DF = hn::RebindToFloat<D32>;
using DBytes = hn::Rebind<std::uint8_t, D32>;  // as many bytes as a vector has int32 lanes
using D8 = hn::ScalableTag<std::uint8_t>;
constexpr std::int64_t kLanes = hn::MaxLanes(D32());
constexpr std::int64_t kByteLanes = hn::MaxLanes(D8());

template <typename T>
void Maximum(const T* const* rows, std::int64_t count, T* out, std::int64_t n) {
  const bool done = ForElements<T>(n, [&](auto d, std::int64_t i) HWY_ATTR {
    auto greatest = hn::LoadU(d, rows[0] + i);
    for (std::int64_t r = 1; r < count; ++r) {
      greatest = hn::Max(greatest, hn::LoadU(d, rows[r] + i));
    }
    hn::StoreU(greatest, d, out + i);
  });
  if (!done) maximum_loop(rows, count, out, n);
}

template <typename T>
void MaximumWindows(const RowWindows& windows, const T* in, T* out) {
  constexpr std::int64_t kLeast = 8 / sizeof(T);
  if (windows.n < kLeast) return maximum_windows_loop(windows, in, out);
  const std::int64_t taps = windows.taps;
  const std::int64_t tap_step = windows.tap_step;
  for (std::int64_t w = 0; w < windows.count; ++w, in += windows.step, out += windows.n) {
    ForElements<T>(windows.n, [&](auto d, std::int64_t i) HWY_ATTR {
      auto greatest = hn::LoadU(d, in + i);
      for (std::int64_t t = 1; t < taps; ++t) {
        greatest = hn::Max(greatest, hn::LoadU(d, in + t * tap_step + i));
      }
      hn::StoreU(greatest, d, out + i);
    });
  }
}

void AddRows(const std::uint8_t* const* rows, std::int64_t count, std::int32_t* sums,
             std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    auto sum = hn::LoadU(D32(), sums + i);
    for (std::int64_t r = 0; r < count; ++r) {
      sum = hn::Add(sum, hn::PromoteTo(D32(), hn::LoadU(DBytes(), rows[r] + i)));
    }
    hn::StoreU(sum, D32(), sums + i);
  }
  for (; i < n; ++i) {
    for (std::int64_t r = 0; r < count; ++r) sums[i] += rows[r][i];
  }
}

struct SumVectors {
  StoreConstants<D32> constants;
  hn::Vec<D32> start;
  hn::Vec<DF> multiplier;
  HWY_INLINE explicit SumVectors(const SumRule<float>& rule)
      : constants(StoreRange(rule.output)),
        start(hn::Set(D32(), static_cast<std::int32_t>(-rule.offset))),
        multiplier(hn::Set(DF(), rule.multiplier)) {}
  HWY_INLINE void Store(hn::Vec<D32> sum, std::uint8_t* out) const {
    hn::StoreU(hn::DemoteTo(DBytes(), RequantizeVector(D32(), sum, multiplier, constants)),
               DBytes(), out);
  }
};

// Windows of fewer elements than a vector has lanes: outputs of several windows side by side.
void SumNarrowWindows(const RowWindows& windows, const std::int32_t* sums,
                      const SumRule<float>& rule, std::uint8_t* out) {
  const SumVectors vectors(rule);
  const std::int64_t n = windows.n;
  // Where kLanes windows find their first taps: n vectors of places, the same for the next kLanes.
  HWY_ALIGN std::int32_t places[kLanes * kLanes];
  for (std::int64_t i = 0; i < kLanes * n; ++i)
    places[i] = static_cast<std::int32_t>(i / n * windows.step + i % n);
  std::int64_t w = 0;
  for (; w + kLanes <= windows.count; w += kLanes) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto place = hn::Load(D32(), places + i * kLanes);
      const std::int32_t* from = sums + w * windows.step;
      auto sum = vectors.start;
      for (std::int64_t t = 0; t < windows.taps; ++t) {
        sum = hn::Add(sum, hn::GatherIndex(D32(), from + t * windows.tap_step, place));
      }
      vectors.Store(sum, out + w * n + i * kLanes);
    }
  }
  RowWindows rest = windows;
  rest.count = windows.count - w;
  span_kernels_ref().sum_windows(rest, sums + w * windows.step, rule, out + w * n);
}

void SumWindows(const RowWindows& windows, const std::int32_t* sums, const SumRule<float>& rule,
                std::uint8_t* out) {
  if (windows.n < kLanes) return SumNarrowWindows(windows, sums, rule, out);
  const SumVectors vectors(rule);
  for (std::int64_t w = 0; w < windows.count; ++w) {
    const std::int32_t* from = sums + w * windows.step;
    std::uint8_t* to = out + w * windows.n;
    ForOverlapping(windows.n, kLanes, [&](std::int64_t i) HWY_ATTR {
      auto sum = vectors.start;
      for (std::int64_t t = 0; t < windows.taps; ++t) {
        sum = hn::Add(sum, hn::LoadU(D32(), from + t * windows.tap_step + i));
      }
      vectors.Store(sum, to + i);
    });
  }
}

void SumColumns(const std::uint8_t* in, std::int64_t count, std::int64_t stride,
                const SumRule<float>& rule, std::uint8_t* out, std::int64_t n) {
  const SumVectors vectors(rule);
  const bool done = ForOverlapping(n, 2 * kLanes, [&](std::int64_t i) HWY_ATTR {
    auto sum0 = vectors.start;
    auto sum1 = vectors.start;
    for (std::int64_t r = 0; r < count; ++r) {
      const std::uint8_t* row = in + r * stride + i;
      sum0 = hn::Add(sum0, hn::PromoteTo(D32(), hn::LoadU(DBytes(), row)));
      sum1 = hn::Add(sum1, hn::PromoteTo(D32(), hn::LoadU(DBytes(), row + kLanes)));
    }
    vectors.Store(sum0, out + i);
    vectors.Store(sum1, out + i + kLanes);
  });
  if (!done) span_kernels_ref().sum_columns(in, count, stride, rule, out, n);
}

std::int64_t Sum(const std::uint8_t* in, std::int64_t n) {
  const D8 d8;
  const hn::ScalableTag<std::uint64_t> d64;
  auto sums = hn::Zero(d64);
  std::int64_t i = 0;
  for (; i + kByteLanes <= n; i += kByteLanes) {
    sums = hn::Add(sums, hn::SumsOf8(hn::LoadU(d8, in + i)));
  }
  auto total = static_cast<std::int64_t>(hn::GetLane(hn::SumOfLanes(d64, sums)));
  for (; i < n; ++i) total += in[i];
  return total;
}

std::int64_t SumOfSquares(const std::uint8_t* in, std::int64_t n) {
  const hn::ScalableTag<std::int16_t> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> bytes;
  constexpr std::int64_t kWords = hn::MaxLanes(hn::ScalableTag<std::int16_t>());
  // A lane grows by less than 2^17 a vector: this many stay below 2^31.
  constexpr std::int64_t kVectors = 1 << 14;
  std::int64_t total = 0;
  std::int64_t i = 0;
  while (i + kWords <= n) {
    const std::int64_t vectors = std::min((n - i) / kWords, kVectors);
    auto even = hn::Zero(D32());
    auto odd = hn::Zero(D32());
    for (const std::int64_t end = i + vectors * kWords; i < end; i += kWords) {
      const auto q = hn::PromoteTo(d16, hn::LoadU(bytes, in + i));
      even = hn::ReorderWidenMulAccumulate(D32(), q, q, even, odd);
    }
    HWY_ALIGN std::int32_t lanes[kLanes];
    for (const auto& sums : {even, odd}) {
      hn::Store(sums, D32(), lanes);
      for (const std::int32_t lane : lanes) total += lane;
    }
  }
  for (; i < n; ++i) total += std::int64_t{in[i]} * in[i];
  return total;
}

// A lane of doubles holds the sums of so many squares below 2^32.
constexpr std::int64_t kExactSquares = 1 << 20;

template <class Term>
HWY_INLINE std::int64_t SumWords(const std::uint16_t* in, std::int64_t n, const Term& add) {
  using V = Vectors<std::uint16_t>;
  std::int64_t total = 0;
  std::int64_t i = 0;
  while (i + V::kLanes <= n) {
    const std::int64_t vectors = std::min((n - i) / V::kLanes, kExactSquares);
    auto sums = V::Set(0);
    for (const std::int64_t end = i + vectors * V::kLanes; i < end; i += V::kLanes)
      sums = add(V::Load(in + i), sums);
    HWY_ALIGN double lanes[V::kLanes];
    hn::Store(sums, V::DReal(), lanes);
    for (const double lane : lanes) total += static_cast<std::int64_t>(lane);
  }
  HWY_ALIGN std::uint16_t rest[V::kLanes] = {};
  std::memcpy(rest, in + i, static_cast<std::size_t>(n - i) * sizeof(std::uint16_t));
  HWY_ALIGN double lanes[V::kLanes];
  hn::Store(add(V::Load(rest), V::Set(0)), V::DReal(), lanes);
  for (const double lane : lanes) total += static_cast<std::int64_t>(lane);
  return total;
}

std::int64_t Sum(const std::uint16_t* in, std::int64_t n) {
  return SumWords(in, n, [](auto x, auto sums) HWY_ATTR { return hn::Add(sums, x); });
}
// Exact, fused or not.
std::int64_t SumOfSquares(const std::uint16_t* in, std::int64_t n) {
  return SumWords(in, n, [](auto x, auto sums) HWY_ATTR { return hn::MulAdd(x, x, sums); });
}

template <typename T>
void WeighElements(const T* const* rows, const RuleReal<T>* weights, int taps,
                   std::int32_t zero_point, RuleReal<T>* out, std::int64_t n) {
  using V = Vectors<T>;
  const auto zero = V::Set(static_cast<RuleReal<T>>(zero_point));
  const bool done = ForOverlapping(n, V::kLanes, [&](std::int64_t i) HWY_ATTR {
    auto value = hn::Mul(hn::Sub(V::Load(rows[0] + i), zero), V::Set(weights[0]));
    for (int t = 1; t < taps; ++t) {
      const auto x = hn::Sub(V::Load(rows[t] + i), zero);
      value = hn::Add(value, hn::Mul(x, V::Set(weights[t])));
    }
    hn::StoreU(value, typename V::DReal(), out + i);
  });
  if (!done) weigh_elements_loop(rows, weights, taps, zero_point, out, n);
}

template <typename T>
void WeighReals(const RuleReal<T>* const* rows, const RuleReal<T>* weights, int taps,
                RuleReal<T> multiplier, const OutputRange& output, T* out, std::int64_t n) {
  using V = Vectors<T>;
  const typename V::DReal d;
  const typename V::Output levels(output);
  const auto scale = V::Set(multiplier);
  const bool done = ForOverlapping(n, V::kLanes, [&](std::int64_t i) HWY_ATTR {
    auto value = hn::Mul(hn::LoadU(d, rows[0] + i), V::Set(weights[0]));
    for (int t = 1; t < taps; ++t) {
      value = hn::Add(value, hn::Mul(hn::LoadU(d, rows[t] + i), V::Set(weights[t])));
    }
    levels.Store(hn::Mul(value, scale), out + i);
  });
  if (!done) weigh_reals_loop(rows, weights, taps, multiplier, output, out, n);
}

void NormalizeWords(const NormalizeRule& rule, const std::uint16_t* in, std::uint16_t* out,
                    std::int64_t n) {
  using V = Vectors<std::uint16_t>;
  const V::Output levels(rule.output);
  const auto zero = V::Set(rule.zero_point);
  const auto mean = V::Set(rule.moments.mean);
  const auto inverse = V::Set(rule.moments.inverse);
  const auto gain = V::Set(rule.affine.gain);
  const auto offset = V::Set(rule.affine.offset);
  std::int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const auto unit = hn::Mul(hn::Sub(hn::Sub(V::Load(in + i), zero), mean), inverse);
    levels.Store(hn::Add(hn::Mul(unit, gain), offset), out + i);
  }
  normalize_loop(rule, in + i, out + i, n - i);
}

template <typename T>
constexpr ElementKernels<T> kElements{Binary<T>,    Maximum<T>,       MaximumWindows<T>, Sum,
                                      SumOfSquares, WeighElements<T>, WeighReals<T>};

const SpanKernels* Kernels([[maybe_unused]] Isa isa) {
  static constexpr SpanKernels kernels{isa_of_target(HWY_TARGET),
                                       kElements<std::uint8_t>,
                                       kElements<std::uint16_t>,
                                       LookupRows,
                                       AddRows,
                                       SumWindows,
                                       SumColumns,
                                       NormalizeWords,
                                       ComputeRows};
#if HWY_TARGET == HWY_AVX3
  static constexpr SpanKernels wide_lookup = [] {
    SpanKernels result = kernels;
    result.isa = Isa::kAvx512Vnni;
    result.lookup_rows = WideLookupRows;
    return result;
  }();
  if (isa == Isa::kAvx512Vnni) return &wide_lookup;
#endif
  return &kernels;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {
namespace {

const SpanKernels* simd_kernels(Isa isa) { QUANT_SIMD_SELECT(isa, Kernels(isa)); }

}  // namespace

const SpanKernels& span_kernels(Isa isa) {
  const SpanKernels* kernels = simd_kernels(isa);
  return kernels == nullptr ? span_kernels_ref() : *kernels;
}

}  // namespace quant::integer
#endif  // HWY_ONCE
