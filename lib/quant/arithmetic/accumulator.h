// SPDX-License-Identifier: MIT
// Whether a sum of products fits 32 bits, or the 53 of float64: proved when a plan is made, never
// checked while it runs.
#pragma once

#include <cstdint>
#include <span>

namespace quant {

// Whether bias + Σ w[i]·(q[i] − zp[i]), summed in any order, stays inside int32 for every q in
// [0, input_max]. `zero_points` has as many entries as weights, or 1 for all; each in [0,
// input_max]. The bound: terms of one sign added up alone, with the bias where it has that sign.
bool accumulator_fits_int32(std::span<const std::int16_t> weights,
                            std::span<const std::int32_t> zero_points, std::int32_t input_max,
                            std::int64_t bias);

// Whether |bias| + Σ |w[i]|·2·input_max ≤ 2^53: float64 then holds bias − Σ w[i]·zp[i], every
// partial sum of w[i]·q[i] after it, and so the accumulator, all exactly.
bool accumulator_fits_float64(std::span<const std::int16_t> weights, std::int32_t input_max,
                              std::int64_t bias);

// For terms of magnitude ≤ max_term: count · max_term ≤ INT32_MAX, or ≤ 2^53.
bool sum_fits_int32(std::int64_t count, std::int64_t max_term);
bool sum_fits_float64(std::int64_t count, std::int64_t max_term);

}  // namespace quant
