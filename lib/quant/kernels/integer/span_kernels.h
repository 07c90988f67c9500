// SPDX-License-Identifier: MIT
// Loops over contiguous elements (mostly the channels of one pixel) that the operators share. One
// table per instruction set; the scalar one is normative, and the loops around them are the same
// for all.
#pragma once

#include <cstdint>

#include "quant/arithmetic/elementwise.h"
#include "quant/arithmetic/lookup_table.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

struct BinaryRule {
  BinaryOp op = BinaryOp::kAdd;
  std::int32_t a_zero_point = 0, b_zero_point = 0;
  BinaryMultipliers multipliers;
  OutputRange output;
};

// S = Σ q − offset; output = requantize_u8(S, multiplier).
struct SumRule {
  std::int32_t offset = 0;  // count · zero point
  float multiplier = 1;
  OutputRange output;
};

struct SpanKernels {
  Isa isa = Isa::kRef;
  // out[i] = table[in[i]]; out may be in.
  void (*lookup)(const std::uint8_t* in, std::uint8_t* out, std::int64_t n,
                 const LookupTable& table) = nullptr;
  // Operands advance by a_step and b_step, each 0 or 1. out may be an operand with step 1.
  void (*binary)(const BinaryRule& rule, const std::uint8_t* a, int a_step, const std::uint8_t* b,
                 int b_step, std::uint8_t* out, std::int64_t n) = nullptr;
  // out[i] = greatest of rows[r][i] over count ≥ 1 rows.
  void (*maximum)(const std::uint8_t* const* rows, std::int64_t count, std::uint8_t* out,
                  std::int64_t n) = nullptr;
  // out[i] = rule(Σ rows[r][i]). count · 255 < 2^31.
  void (*sum_rows)(const std::uint8_t* const* rows, std::int64_t count, const SumRule& rule,
                   std::uint8_t* out, std::int64_t n) = nullptr;
  // out[i] = rule(Σ in[r·stride + i]). count · 255 < 2^31.
  void (*sum_columns)(const std::uint8_t* in, std::int64_t count, std::int64_t stride,
                      const SumRule& rule, std::uint8_t* out, std::int64_t n) = nullptr;
  // Σ in[i].
  std::int64_t (*sum)(const std::uint8_t* in, std::int64_t n) = nullptr;
  // out[i] = Σ_t float(rows[t][i] − zero_point)·weights[t], from the first product on, taps in
  // order.
  void (*weigh_bytes)(const std::uint8_t* const* rows, const float* weights, int taps,
                      std::int32_t zero_point, float* out, std::int64_t n) = nullptr;
  // out[i] = round_to_output((Σ_t rows[t][i]·weights[t])·multiplier), the same way.
  void (*weigh_floats)(const float* const* rows, const float* weights, int taps, float multiplier,
                       const OutputRange& output, std::uint8_t* out, std::int64_t n) = nullptr;
};

const SpanKernels& span_kernels_ref();
// The ones of `isa`, one of available_isas().
const SpanKernels& span_kernels(Isa isa);

}  // namespace quant::integer
