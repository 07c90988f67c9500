// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/softmax.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"

namespace quant::integer {

Softmax::Softmax(const SoftmaxSpec& spec) : spec_(spec) {}

void Softmax::run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const {
  const std::int64_t axis = spec_.axis;
  const std::int64_t inner = spec_.inner;
  const double output_scale = spec_.output_scale;
  const auto run_line = [&](std::int64_t line) {
    const std::int64_t at = line / inner * axis * inner + line % inner;
    const std::uint8_t* in = input + at;
    std::uint8_t* out = output + at;
    std::uint8_t greatest = 0;
    for (std::int64_t i = 0; i < axis; ++i) greatest = std::max(greatest, in[i * inner]);
    std::uint64_t sum = 0;
    for (std::int64_t i = 0; i < axis; ++i) {
      sum += spec_.table[static_cast<std::size_t>(greatest - in[i * inner])];
    }
    // Equal inputs have equal outputs: on a long line each of the 256 is computed once.
    if (axis > 256) {
      std::uint8_t answers[256];
      for (std::size_t d = 0; d <= greatest; ++d) {
        answers[d] = static_cast<std::uint8_t>(
            softmax_value(spec_.table[d], sum, output_scale, spec_.output));
      }
      for (std::int64_t i = 0; i < axis; ++i) out[i * inner] = answers[greatest - in[i * inner]];
    } else {
      for (std::int64_t i = 0; i < axis; ++i) {
        const std::uint32_t exponential =
            spec_.table[static_cast<std::size_t>(greatest - in[i * inner])];
        out[i * inner] =
            static_cast<std::uint8_t>(softmax_value(exponential, sum, output_scale, spec_.output));
      }
    }
  };
  for_row_chunks(spec_.outer * inner, axis, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) run_line(line);
  });
}

}  // namespace quant::integer
