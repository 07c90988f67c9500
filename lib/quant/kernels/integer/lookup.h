// SPDX-License-Identifier: MIT
// Functions of one tensor through a table: activations, requantization.
#pragma once

#include <cstdint>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// output[i] = table[input[i]] for i in [0, count), in the table's types. `output` may be `input`
// where those are one. Reentrant.
void lookup(const void* input, void* output, std::int64_t count, const LookupTable& table, Isa isa,
            ThreadPool& pool);

}  // namespace quant::integer
