// SPDX-License-Identifier: MIT
// Functions of one tensor through a 256-entry table: activations, requantization.
#pragma once

#include <cstdint>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// output[i] = table[input[i]] for i in [0, count). `output` may be `input`. Reentrant.
void lookup(const std::uint8_t* input, std::uint8_t* output, std::int64_t count,
            const LookupTable& table, Isa isa, ThreadPool& pool);

}  // namespace quant::integer
