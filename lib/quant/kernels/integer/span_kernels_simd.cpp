// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/span_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/span_kernels_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/lookup_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DF = hn::RebindToFloat<D32>;
using DBytes = hn::Rebind<std::uint8_t, D32>;  // as many bytes as a vector has int32 lanes
using D8 = hn::ScalableTag<std::uint8_t>;
using VF = hn::Vec<DF>;
using VBytes = hn::Vec<DBytes>;
constexpr std::int64_t kLanes = hn::MaxLanes(D32());
constexpr std::int64_t kByteLanes = hn::MaxLanes(D8());

HWY_INLINE VF ToFloat(VBytes bytes) { return hn::ConvertTo(DF(), hn::PromoteTo(D32(), bytes)); }

template <BinaryOp kOp>
struct BinaryVectors {
  const BinaryRule<float>& rule;
  StoreConstants<D32> constants;
  VF a_zero, b_zero, a_multiplier, b_multiplier;

  HWY_INLINE explicit BinaryVectors(const BinaryRule<float>& r)
      : rule(r),
        constants(StoreRange(r.output)),
        a_zero(hn::Set(DF(), static_cast<float>(r.a_zero_point))),
        b_zero(hn::Set(DF(), static_cast<float>(r.b_zero_point))),
        a_multiplier(hn::Set(DF(), r.multipliers.a)),
        b_multiplier(hn::Set(DF(), r.multipliers.b)) {}

  // Differences of zero points and products of two differences are exact in float32.
  HWY_INLINE VBytes operator()(VBytes a, VBytes b) const {
    const VF fa = hn::Sub(ToFloat(a), a_zero);
    const VF fb = hn::Sub(ToFloat(b), b_zero);
    VF t = hn::Zero(DF());
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
      const VF zero = hn::Zero(DF());
      const VF infinity = hn::Set(DF(), std::numeric_limits<float>::infinity());
      const VF quotient = hn::Div(hn::Mul(fa, a_multiplier), fb);
      t = hn::IfThenElse(hn::Eq(fb, zero), hn::Mul(fa, infinity), quotient);
      t = hn::IfThenZeroElse(hn::Eq(fa, zero), t);
    }
    return hn::DemoteTo(DBytes(), RoundToOutput(D32(), t, constants));
  }
};

template <BinaryOp kOp>
void BinaryLoop(const BinaryRule<float>& rule, const std::uint8_t* a, int a_step,
                const std::uint8_t* b, int b_step, std::uint8_t* out, std::int64_t n) {
  const DBytes bytes;
  const BinaryVectors<kOp> vectors(rule);
  const VBytes a_first = hn::Set(bytes, *a);
  const VBytes b_first = hn::Set(bytes, *b);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const VBytes va = a_step == 0 ? a_first : hn::LoadU(bytes, a + i);
    const VBytes vb = b_step == 0 ? b_first : hn::LoadU(bytes, b + i);
    hn::StoreU(vectors(va, vb), bytes, out + i);
  }
  if (i == n) return;
  HWY_ALIGN std::uint8_t rest_a[kLanes] = {};
  HWY_ALIGN std::uint8_t rest_b[kLanes] = {};
  const auto rest = static_cast<std::size_t>(n - i);
  if (a_step != 0) std::memcpy(rest_a, a + i, rest);
  if (b_step != 0) std::memcpy(rest_b, b + i, rest);
  const VBytes va = a_step == 0 ? a_first : hn::Load(bytes, rest_a);
  const VBytes vb = b_step == 0 ? b_first : hn::Load(bytes, rest_b);
  hn::Store(vectors(va, vb), bytes, rest_a);
  std::memcpy(out + i, rest_a, rest);
}

void Binary(const BinaryRule<float>& rule, const std::uint8_t* a, int a_step, const std::uint8_t* b,
            int b_step, std::uint8_t* out, std::int64_t n) {
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

// vectors(d, i) for the widest vectors of bytes that fit into n: whole ones, 16 or 8; false where
// none does.
template <class Function>
HWY_INLINE bool ForBytes(std::int64_t n, const Function& vectors) {
  const D8 d8;
  const hn::CappedTag<std::uint8_t, 16> d16;
  const hn::CappedTag<std::uint8_t, 8> d8_short;
  return ForOverlapping(n, kByteLanes, [&](std::int64_t i) HWY_ATTR { vectors(d8, i); }) ||
         ForOverlapping(n, 16, [&](std::int64_t i) HWY_ATTR { vectors(d16, i); }) ||
         ForOverlapping(n, 8, [&](std::int64_t i) HWY_ATTR { vectors(d8_short, i); });
}

void Maximum(const std::uint8_t* const* rows, std::int64_t count, std::uint8_t* out,
             std::int64_t n) {
  const bool done = ForBytes(n, [&](auto d, std::int64_t i) HWY_ATTR {
    auto greatest = hn::LoadU(d, rows[0] + i);
    for (std::int64_t r = 1; r < count; ++r) {
      greatest = hn::Max(greatest, hn::LoadU(d, rows[r] + i));
    }
    hn::StoreU(greatest, d, out + i);
  });
  if (!done) span_kernels_ref().maximum(rows, count, out, n);
}

void MaximumWindows(const RowWindows& windows, const std::uint8_t* in, std::uint8_t* out) {
  if (windows.n < 8) return span_kernels_ref().maximum_windows(windows, in, out);
  const std::int64_t taps = windows.taps;
  const std::int64_t tap_step = windows.tap_step;
  for (std::int64_t w = 0; w < windows.count; ++w, in += windows.step, out += windows.n) {
    ForBytes(windows.n, [&](auto d, std::int64_t i) HWY_ATTR {
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
  VF multiplier;
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

void WeighElements(const std::uint8_t* const* rows, const float* weights, int taps,
                   std::int32_t zero_point, float* out, std::int64_t n) {
  const VF zero = hn::Set(DF(), static_cast<float>(zero_point));
  const bool done = ForOverlapping(n, kLanes, [&](std::int64_t i) HWY_ATTR {
    VF value = hn::Mul(hn::Sub(ToFloat(hn::LoadU(DBytes(), rows[0] + i)), zero),
                       hn::Set(DF(), weights[0]));
    for (int t = 1; t < taps; ++t) {
      const VF x = hn::Sub(ToFloat(hn::LoadU(DBytes(), rows[t] + i)), zero);
      value = hn::Add(value, hn::Mul(x, hn::Set(DF(), weights[t])));
    }
    hn::StoreU(value, DF(), out + i);
  });
  if (!done) span_kernels_ref().weigh_elements(rows, weights, taps, zero_point, out, n);
}

void WeighReals(const float* const* rows, const float* weights, int taps, float multiplier,
                const OutputRange& output, std::uint8_t* out, std::int64_t n) {
  const StoreConstants<D32> constants{StoreRange(output)};
  const VF scale = hn::Set(DF(), multiplier);
  const bool done = ForOverlapping(n, kLanes, [&](std::int64_t i) HWY_ATTR {
    VF value = hn::Mul(hn::LoadU(DF(), rows[0] + i), hn::Set(DF(), weights[0]));
    for (int t = 1; t < taps; ++t) {
      value = hn::Add(value, hn::Mul(hn::LoadU(DF(), rows[t] + i), hn::Set(DF(), weights[t])));
    }
    const auto q = RoundToOutput(D32(), hn::Mul(value, scale), constants);
    hn::StoreU(hn::DemoteTo(DBytes(), q), DBytes(), out + i);
  });
  if (!done) span_kernels_ref().weigh_reals(rows, weights, taps, multiplier, output, out, n);
}

const SpanKernels* Kernels([[maybe_unused]] Isa isa) {
  static constexpr SpanKernels kernels{isa_of_target(HWY_TARGET),
                                       LookupRows,
                                       Binary,
                                       Maximum,
                                       MaximumWindows,
                                       AddRows,
                                       SumWindows,
                                       SumColumns,
                                       Sum,
                                       SumOfSquares,
                                       WeighElements,
                                       WeighReals};
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
#endif  // HWY_TARGET != HWY_SCALAR

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
