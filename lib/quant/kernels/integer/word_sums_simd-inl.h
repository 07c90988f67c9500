// SPDX-License-Identifier: MIT
// Sums of products of words, exactly, in two int32 each, and how they become stored levels.
// Included once per target, inside each *_simd.cpp.

#if defined(QUANT_WORD_SUMS_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_WORD_SUMS_SIMD_INL_H
#undef QUANT_WORD_SUMS_SIMD_INL_H
#else
#define QUANT_WORD_SUMS_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/tile_width_simd-inl.h"
#include "quant/kernels/integer/wide_store_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Vectors of the size of the sums D.
template <class D>
using D16 = hn::Repartition<std::int16_t, D>;
template <class D>
using D8 = hn::Repartition<std::uint8_t, D>;
template <class D>
using D8s = hn::Repartition<std::int8_t, D>;

// Bytes 0, 2, 4 and 6 of every eight, or 1, 3, 5 and 7, in both halves.
template <int kOdd, class V8>
HWY_INLINE V8 EveryOther(V8 bytes) {
  alignas(16) static constexpr std::uint8_t kOrder[16] = {
      kOdd,     2 + kOdd,  4 + kOdd,  6 + kOdd,  kOdd,     2 + kOdd,  4 + kOdd,  6 + kOdd,
      8 + kOdd, 10 + kOdd, 12 + kOdd, 14 + kOdd, 8 + kOdd, 10 + kOdd, 12 + kOdd, 14 + kOdd};
  return hn::TableLookupBytes(bytes, hn::LoadDup128(hn::DFromV<V8>(), kOrder));
}

// Whose factors are an activation a = 256·h + l and a weight w of 16 bits: for S = Σ (a − 2^15)·w,
// of which the bias makes up for the 2^15, `low` is S modulo 2^32, and `high` is near enough to
// S / 2^16 to tell which of the integers S is: Σ (h − 128)·w_h for w = 256·w_h + w_l. A product
// takes S − 2^16·high further from zero by 256·128·255 + 255·2^15 at most, and 128 of them and what
// is left of the carry stay below 2^31.
template <class D>
struct CarrySums {
  static constexpr int kFactor = 1 << 16;
  static constexpr std::int32_t kOffset = 1 << 15;
  using V = hn::Vec<D>;
  V low, high;
  HWY_INLINE CarrySums() : low(hn::Zero(D())), high(low) {}
  static_assert(4 * kCarrySteps * (256LL * 128 * 255 + 255LL * 32768) + 65535 < (1LL << 31));

  // S − 2^16·high.
  HWY_INLINE V Rest() const { return hn::Sub(low, hn::ShiftLeft<16>(high)); }
  // `start`: what the steps up to the next carry begin with (panel_weights.h).
  HWY_INLINE void Carry(V start) {
    high = hn::Add(hn::Add(high, hn::ShiftRight<16>(Rest())), start);
  }
  HWY_INLINE void Finish() { low = Rest(); }
};

// Whose weights have 8 bits: Σ l·w and Σ h·w.
template <class D>
struct ByteSums {
  static constexpr int kFactor = 256;
  static constexpr std::int32_t kOffset = 257 * kFactorOffset;  // of l and h
  hn::Vec<D> low, high;
  HWY_INLINE ByteSums() : low(hn::Zero(D())), high(low) {}
  HWY_INLINE void Finish() {}
};

template <typename Panel, class D>
using SumsOf = std::conditional_t<sizeof(typename Panel::Weight) == 2, CarrySums<D>, ByteSums<D>>;

// kFactor·high + low with its bias, requantized: a vector of channels of a row.
template <class D>
class WordStore {
 public:
  HWY_INLINE WordStore(const double* biases, const StoreLanes<double>& lanes, std::int64_t from)
      : first_(biases, lanes, from), second_(biases, lanes, from + (kWhole ? kWideLanes : 0)) {}

  template <class Sums, typename Out>
  HWY_INLINE void Store(const Sums& sums, Out* output, std::int64_t channels) const {
    const WideD32 half;
    const auto first_half =
        first_.Levels(Join<Sums::kFactor>(FirstOf(half, sums.low), FirstOf(half, sums.high)));
    if (!kWhole || channels <= kWideLanes) return StoreLevels(half, first_half, output, channels);
    if constexpr (kWhole) {
      const auto second_half = second_.Levels(
          Join<Sums::kFactor>(hn::UpperHalf(half, sums.low), hn::UpperHalf(half, sums.high)));
      StoreLevels(D(), hn::Combine(D(), second_half, first_half), output, channels);
    }
  }

 private:
  static constexpr bool kWhole = hn::MaxLanes(D()) > kWideLanes;

  // Exact.
  template <int kFactor>
  static HWY_INLINE WideV Join(hn::Vec<WideD32> low, hn::Vec<WideD32> high) {
    const WideD d;
    return hn::MulAdd(hn::PromoteTo(d, high), hn::Set(d, double{kFactor}), hn::PromoteTo(d, low));
  }

  WideStore first_, second_;
};

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#endif  // QUANT_WORD_SUMS_SIMD_INL_H
