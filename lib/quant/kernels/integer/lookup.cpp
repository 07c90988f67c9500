// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/lookup.h"

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {

void lookup(const std::uint8_t* input, std::uint8_t* output, std::int64_t count,
            const LookupTable& table, Isa isa, ThreadPool& pool) {
  const SpanKernels& kernels = span_kernels(isa);
  for_chunks(count, pool, [&](std::int64_t begin, std::int64_t end) {
    kernels.lookup(input + begin, output + begin, end - begin, table);
  });
}

}  // namespace quant::integer
