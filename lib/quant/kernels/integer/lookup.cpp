// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/lookup.h"

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {

void lookup(const void* input, void* output, std::int64_t count, const LookupTable& table, Isa isa,
            ThreadPool& pool) {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        const auto* in = static_cast<const In*>(input);
        auto* out = static_cast<Out*>(output);
        for_chunks(count, pool, [&](std::int64_t begin, std::int64_t end) {
          lookup_span(span_kernels(isa), in + begin, out + begin, end - begin, table);
        });
      },
      table.input, table.output);
}

}  // namespace quant::integer
