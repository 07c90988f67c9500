// SPDX-License-Identifier: MIT
// Whether quantization parameters by channel still say the same of every element when a layer puts
// the elements elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/graph/graph.h"

namespace quant {

// All: both values have parameters, of one type, with as many as the size of their axis or 1.

// `to` holds the elements of `from` in the same row-major order.
bool same_params_reshaped(const Value& from, const Value& to);
// Axis i of `to` is axis perm[i] of `from`. Precondition: perm is a permutation of its axes.
bool same_params_transposed(const Value& from, const Value& to, std::span<const std::int64_t> perm);
// `part` lies in `whole` from index `at` of `axis` on, all other axes being equal.
bool same_params_joined(const Value& part, const Value& whole, std::size_t axis, std::int64_t at);

}  // namespace quant
