// SPDX-License-Identifier: MIT
// The loops over contiguous elements (mostly the channels of one pixel) that the operators share,
// normative, for every type. In, A, B, Out: uint8 or uint16. Real: what the rule computes in.
#pragma once

#include <algorithm>
#include <cstdint>

#include "quant/arithmetic/elementwise.h"
#include "quant/arithmetic/lookup_table.h"
#include "quant/arithmetic/normalization.h"

namespace quant::integer {

template <typename Real>
struct BinaryRule {
  BinaryOp op = BinaryOp::kAdd;
  std::int32_t a_zero_point = 0, b_zero_point = 0;
  BinaryMultipliers<Real> multipliers;
  OutputRange output;
};

// S = Σ q − offset; output = requantize(S, multiplier).
template <typename Real>
struct SumRule {
  std::int64_t offset = 0;  // count · zero point
  Real multiplier = 1;
  OutputRange output;
};

// Of one line of words.
struct NormalizeRule {
  std::int32_t zero_point = 0;
  NormalizationMoments<double> moments;
  NormalizationAffine<double> affine;
  OutputRange output;
};

// out[r·out_step + i] = table[in[r·in_step + i]], i < n; out may be in, with the same step.
template <typename In, typename Out>
void lookup_rows_loop(const In* in, std::int64_t in_step, Out* out, std::int64_t out_step,
                      std::int64_t rows, std::int64_t n, const LookupTable& table) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < n; ++i)
      out[r * out_step + i] = static_cast<Out>(table[in[r * in_step + i]]);
  }
}

// Operands advance by a_step and b_step, each 0 or 1. out may be an operand with step 1.
template <typename Real, typename A, typename B, typename Out>
void binary_loop(const BinaryRule<Real>& rule, const A* a, int a_step, const B* b, int b_step,
                 Out* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Real t = binary_value(rule.op, a[i * a_step] - rule.a_zero_point,
                                b[i * b_step] - rule.b_zero_point, rule.multipliers);
    out[i] = static_cast<Out>(round_to_output(t, rule.output));
  }
}

// out[i] = greatest of rows[r][i] over count ≥ 1 rows.
template <typename T>
void maximum_loop(const T* const* rows, std::int64_t count, T* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    T greatest = rows[0][i];
    for (std::int64_t r = 1; r < count; ++r) greatest = std::max(greatest, rows[r][i]);
    out[i] = greatest;
  }
}

// Windows over a row of pixels, `step` elements apart; each has `taps`, `tap_step` apart, of `n`
// elements. Outputs lie one behind the other.
struct RowWindows {
  std::int64_t count = 0, step = 0;
  std::int64_t taps = 1, tap_step = 0;
  std::int64_t n = 0;
};

// out[w·n + i] = greatest of in[w·step + t·tap_step + i] over the taps.
template <typename T>
void maximum_windows_loop(const RowWindows& windows, const T* in, T* out) {
  for (std::int64_t w = 0; w < windows.count; ++w) {
    for (std::int64_t i = 0; i < windows.n; ++i) {
      const T* tap = in + w * windows.step + i;
      T greatest = tap[0];
      for (std::int64_t t = 1; t < windows.taps; ++t)
        greatest = std::max(greatest, tap[t * windows.tap_step]);
      out[w * windows.n + i] = greatest;
    }
  }
}

// sums[i] += Σ rows[r][i]. Sum: int32, or int64 where the rule is in double.
template <typename In, typename Sum>
void add_rows_loop(const In* const* rows, std::int64_t count, Sum* sums, std::int64_t n) {
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t i = 0; i < n; ++i) sums[i] += rows[r][i];
  }
}

// out[w·n + i] = rule(Σ sums[w·step + t·tap_step + i]).
template <typename Real, typename Sum, typename Out>
void sum_windows_loop(const RowWindows& windows, const Sum* sums, const SumRule<Real>& rule,
                      Out* out) {
  for (std::int64_t w = 0; w < windows.count; ++w) {
    for (std::int64_t i = 0; i < windows.n; ++i) {
      const Sum* tap = sums + w * windows.step + i;
      std::int64_t sum = -rule.offset;
      for (std::int64_t t = 0; t < windows.taps; ++t) sum += tap[t * windows.tap_step];
      out[w * windows.n + i] = requantize<Out>(sum, rule.multiplier, rule.output);
    }
  }
}

// out[i] = rule(Σ in[r·stride + i]).
template <typename Real, typename In, typename Out>
void sum_columns_loop(const In* in, std::int64_t count, std::int64_t stride,
                      const SumRule<Real>& rule, Out* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::int64_t sum = -rule.offset;
    for (std::int64_t r = 0; r < count; ++r) sum += in[r * stride + i];
    out[i] = requantize<Out>(sum, rule.multiplier, rule.output);
  }
}

// Σ in[i].
template <typename In>
std::int64_t sum_loop(const In* in, std::int64_t n) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += in[i];
  return total;
}

// Σ in[i]².
template <typename In>
std::int64_t sum_of_squares_loop(const In* in, std::int64_t n) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += std::int64_t{in[i]} * in[i];
  return total;
}

// out[i] = Σ_t Real(rows[t][i] − zero_point)·weights[t], from the first product on, taps in order.
template <typename Real, typename In>
void weigh_elements_loop(const In* const* rows, const Real* weights, int taps,
                         std::int32_t zero_point, Real* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    Real value = static_cast<Real>(rows[0][i] - zero_point) * weights[0];
    for (int t = 1; t < taps; ++t) {
      const Real term = static_cast<Real>(rows[t][i] - zero_point) * weights[t];
      value = value + term;
    }
    out[i] = value;
  }
}

// out[i] = round_to_output((Σ_t rows[t][i]·weights[t])·multiplier), the same way.
template <typename Real, typename Out>
void weigh_reals_loop(const Real* const* rows, const Real* weights, int taps, Real multiplier,
                      const OutputRange& output, Out* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    Real value = rows[0][i] * weights[0];
    for (int t = 1; t < taps; ++t) {
      const Real term = rows[t][i] * weights[t];
      value = value + term;
    }
    out[i] = static_cast<Out>(round_to_output(value * multiplier, output));
  }
}

// out[i] = rule(in[i]); out may be in.
inline void normalize_loop(const NormalizeRule& rule, const std::uint16_t* in, std::uint16_t* out,
                           std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double t = normalized_value(in[i] - rule.zero_point, rule.moments, rule.affine);
    out[i] = static_cast<std::uint16_t>(round_to_output(t, rule.output));
  }
}

}  // namespace quant::integer
