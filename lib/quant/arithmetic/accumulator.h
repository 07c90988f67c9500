// SPDX-License-Identifier: MIT
// Whether a sum of products fits 32 bits: proved when a plan is made, never checked while it runs.
#pragma once

#include <cstdint>
#include <span>

namespace quant {

// True where bias + Σ w[i]·(q[i] − zp[i]), summed in any order, stays inside int32 for every
// q in [0, input_max]. `zero_points` has as many entries as weights, or 1 for all; each in [0,
// input_max]. The bound: terms of one sign added up alone, with the bias where it has that sign.
bool accumulator_fits_int32(std::span<const std::int8_t> weights,
                            std::span<const std::int32_t> zero_points, std::int32_t input_max,
                            std::int64_t bias);

// The same for any terms of magnitude ≤ max_term: count · max_term ≤ INT32_MAX.
bool sum_fits_int32(std::int64_t count, std::int64_t max_term);

}  // namespace quant
