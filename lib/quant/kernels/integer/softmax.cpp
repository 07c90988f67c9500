// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/softmax.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"

namespace quant::integer {

Softmax::Softmax(const SoftmaxSpec& spec) : spec_(spec) {}

template <typename In, typename Out>
void Softmax::run_line(const In* in, Out* out) const {
  const std::int64_t axis = spec_.axis;
  const std::int64_t inner = spec_.inner;
  const double output_scale = spec_.output_scale;
  In greatest = 0;
  for (std::int64_t i = 0; i < axis; ++i) greatest = std::max(greatest, in[i * inner]);
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < axis; ++i) {
    sum += spec_.table[static_cast<std::size_t>(greatest - in[i * inner])];
  }
  const auto answer = [&](std::size_t d) {
    return static_cast<Out>(softmax_value(spec_.table[d], sum, output_scale, spec_.output));
  };
  if (sizeof(In) == 1 && axis > 256) {
    // Equal inputs have equal outputs: on a long line each of the 256 is computed once.
    Out answers[256];
    for (std::size_t d = 0; d <= greatest; ++d) answers[d] = answer(d);
    for (std::int64_t i = 0; i < axis; ++i) out[i * inner] = answers[greatest - in[i * inner]];
  } else {
    for (std::int64_t i = 0; i < axis; ++i) {
      out[i * inner] = answer(static_cast<std::size_t>(greatest - in[i * inner]));
    }
  }
}

void Softmax::run(const void* input, void* output, ThreadPool& pool) const {
  const std::int64_t axis = spec_.axis;
  const std::int64_t inner = spec_.inner;
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        for_row_chunks(spec_.outer * inner, axis, pool, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t line = begin; line < end; ++line) {
            const std::int64_t at = line / inner * axis * inner + line % inner;
            run_line(static_cast<const In*>(input) + at, static_cast<Out*>(output) + at);
          }
        });
      },
      spec_.input_type, spec_.output_type);
}

}  // namespace quant::integer
