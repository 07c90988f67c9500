// SPDX-License-Identifier: MIT
// Which arithmetic makes a table of 65536 words.
#pragma once

#include "quant/arithmetic/lookup_table.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// The rule by which the kernel of `isa` has just made all 65536 entries of a table from levels of
// `input` to levels of `output`. Not known where it made none so, where the table is not from words
// to words, and where `isa` has no such kernel.
LookupRule find_lookup_rule(const LookupTable& table, const AffineParams& input,
                            const AffineParams& output, Isa isa);

}  // namespace quant::integer
