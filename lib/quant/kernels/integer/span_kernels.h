// SPDX-License-Identifier: MIT
// The loops of span_loops.h by vectors, one table per instruction set.
#pragma once

#include <cstdint>
#include <type_traits>

#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/span_loops.h"

namespace quant::integer {

// Where all elements are bytes, or all are words. Each equals the loop of its name.
template <typename T>
struct ElementKernels {
  using Real = RuleReal<T>;
  void (*binary)(const BinaryRule<Real>& rule, const T* a, int a_step, const T* b, int b_step,
                 T* out, std::int64_t n) = nullptr;
  void (*maximum)(const T* const* rows, std::int64_t count, T* out, std::int64_t n) = nullptr;
  void (*maximum_windows)(const RowWindows& windows, const T* in, T* out) = nullptr;
  std::int64_t (*sum)(const T* in, std::int64_t n) = nullptr;
  std::int64_t (*sum_of_squares)(const T* in, std::int64_t n) = nullptr;
  void (*weigh_elements)(const T* const* rows, const Real* weights, int taps,
                         std::int32_t zero_point, Real* out, std::int64_t n) = nullptr;
  void (*weigh_reals)(const Real* const* rows, const Real* weights, int taps, Real multiplier,
                      const OutputRange& output, T* out, std::int64_t n) = nullptr;
};

// Each equals the loop of its name.
struct SpanKernels {
  Isa isa = Isa::kRef;
  ElementKernels<std::uint8_t> bytes;
  ElementKernels<std::uint16_t> words;
  void (*lookup_rows)(const std::uint8_t* in, std::int64_t in_step, std::uint8_t* out,
                      std::int64_t out_step, std::int64_t rows, std::int64_t n,
                      const LookupTable& table) = nullptr;
  // Sums of all kinds: count · 255 < 2^31.
  void (*add_rows)(const std::uint8_t* const* rows, std::int64_t count, std::int32_t* sums,
                   std::int64_t n) = nullptr;
  void (*sum_windows)(const RowWindows& windows, const std::int32_t* sums,
                      const SumRule<float>& rule, std::uint8_t* out) = nullptr;
  void (*sum_columns)(const std::uint8_t* in, std::int64_t count, std::int64_t stride,
                      const SumRule<float>& rule, std::uint8_t* out, std::int64_t n) = nullptr;
  void (*normalize)(const NormalizeRule& rule, const std::uint16_t* in, std::uint16_t* out,
                    std::int64_t n) = nullptr;
  // Look-ups of words by a rule that is known; null: by their tables only.
  void (*compute_rows)(const LookupRule& rule, const std::uint16_t* in, std::int64_t in_step,
                       std::uint16_t* out, std::int64_t out_step, std::int64_t rows,
                       std::int64_t n) = nullptr;

  template <typename T>
  const ElementKernels<T>& of() const {
    if constexpr (sizeof(T) == 1) {
      return bytes;
    } else {
      return words;
    }
  }
};

const SpanKernels& span_kernels_ref();
// The ones of `isa`, one of available_isas().
const SpanKernels& span_kernels(Isa isa);

// The fastest loop of the name for the types: that of `kernels` where it has one.
template <typename In, typename Out>
void lookup_rows(const SpanKernels& kernels, const In* in, std::int64_t in_step, Out* out,
                 std::int64_t out_step, std::int64_t rows, std::int64_t n,
                 const LookupTable& table) {
  if constexpr (sizeof(In) == 1 && sizeof(Out) == 1) {
    return kernels.lookup_rows(in, in_step, out, out_step, rows, n, table);
  } else if constexpr (sizeof(In) == 2 && sizeof(Out) == 2) {
    if (is_known(table.rule) && kernels.compute_rows != nullptr)
      return kernels.compute_rows(table.rule, in, in_step, out, out_step, rows, n);
  }
  lookup_rows_loop(in, in_step, out, out_step, rows, n, table);
}
template <typename In, typename Out>
void lookup_span(const SpanKernels& kernels, const In* in, Out* out, std::int64_t n,
                 const LookupTable& table) {
  lookup_rows(kernels, in, n, out, n, 1, n, table);
}
template <typename Real, typename A, typename B, typename Out>
void binary_span(const SpanKernels& kernels, const BinaryRule<Real>& rule, const A* a, int a_step,
                 const B* b, int b_step, Out* out, std::int64_t n) {
  if constexpr (std::is_same_v<A, B> && std::is_same_v<A, Out>) {
    kernels.of<Out>().binary(rule, a, a_step, b, b_step, out, n);
  } else {
    binary_loop(rule, a, a_step, b, b_step, out, n);
  }
}
template <typename In, typename Sum>
void add_rows_span(const SpanKernels& kernels, const In* const* rows, std::int64_t count, Sum* sums,
                   std::int64_t n) {
  if constexpr (sizeof(In) == 1 && sizeof(Sum) == 4) {
    kernels.add_rows(rows, count, sums, n);
  } else {
    add_rows_loop(rows, count, sums, n);
  }
}
template <typename Real, typename Sum, typename Out>
void sum_windows_span(const SpanKernels& kernels, const RowWindows& windows, const Sum* sums,
                      const SumRule<Real>& rule, Out* out) {
  if constexpr (std::is_same_v<Real, float>) {
    kernels.sum_windows(windows, sums, rule, out);
  } else {
    sum_windows_loop(windows, sums, rule, out);
  }
}
template <typename Real, typename In, typename Out>
void sum_columns_span(const SpanKernels& kernels, const In* in, std::int64_t count,
                      std::int64_t stride, const SumRule<Real>& rule, Out* out, std::int64_t n) {
  if constexpr (std::is_same_v<Real, float>) {
    kernels.sum_columns(in, count, stride, rule, out, n);
  } else {
    sum_columns_loop(in, count, stride, rule, out, n);
  }
}
template <typename Real, typename In>
void weigh_elements_span(const SpanKernels& kernels, const In* const* rows, const Real* weights,
                         int taps, std::int32_t zero_point, Real* out, std::int64_t n) {
  if constexpr (std::is_same_v<Real, RuleReal<In>>) {
    kernels.of<In>().weigh_elements(rows, weights, taps, zero_point, out, n);
  } else {
    weigh_elements_loop(rows, weights, taps, zero_point, out, n);
  }
}
template <typename Real, typename Out>
void weigh_reals_span(const SpanKernels& kernels, const Real* const* rows, const Real* weights,
                      int taps, Real multiplier, const OutputRange& output, Out* out,
                      std::int64_t n) {
  if constexpr (std::is_same_v<Real, RuleReal<Out>>) {
    kernels.of<Out>().weigh_reals(rows, weights, taps, multiplier, output, out, n);
  } else {
    weigh_reals_loop(rows, weights, taps, multiplier, output, out, n);
  }
}

}  // namespace quant::integer
