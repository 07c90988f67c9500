// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/softmax.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"

namespace quant::integer {

Softmax::Softmax(const SoftmaxSpec& spec, Isa isa) : spec_(spec) {
  if (spec.axis == 2 && all_bytes(spec.input_type)) {
    for (std::int32_t difference = -255; difference <= 255; ++difference) {
      const std::uint32_t own = spec.table[static_cast<std::size_t>(std::max(-difference, 0))];
      const std::uint32_t other = spec.table[static_cast<std::size_t>(std::max(difference, 0))];
      pairs_.push_back(static_cast<std::uint16_t>(
          softmax_value(own, std::uint64_t{own} + other, spec.output_scale, spec.output)));
    }
  } else if (spec.inner == 1 && spec.axis <= kMaxSoftmaxLine &&
             all_bytes(spec.input_type, spec.output_type)) {
    kernel_ = softmax_kernel(isa);
  }
}

Isa Softmax::isa() const { return kernel_ == nullptr ? Isa::kRef : kernel_->isa; }

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

template <typename Out>
void Softmax::run_pairs(const std::uint8_t* in, Out* out, ThreadPool& pool) const {
  const std::int64_t inner = spec_.inner;
  const std::uint16_t* answers = pairs_.data() + 255;
  for_row_chunks(spec_.outer * inner, 2, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t at = inner == 1 ? 2 * line : line / inner * 2 * inner + line % inner;
      const std::int32_t difference = in[at] - in[at + inner];
      out[at] = static_cast<Out>(answers[difference]);
      out[at + inner] = static_cast<Out>(answers[-difference]);
    }
  });
}

void Softmax::run(const void* input, void* output, ThreadPool& pool) const {
  const std::int64_t axis = spec_.axis;
  const std::int64_t inner = spec_.inner;
  if (kernel_ != nullptr) {
    const SoftmaxLines lines{spec_.table.data(), double{spec_.output_scale}, spec_.output, axis};
    for_row_chunks(spec_.outer, axis, pool, [&](std::int64_t begin, std::int64_t end) {
      kernel_->run(lines, static_cast<const std::uint8_t*>(input) + begin * axis,
                   static_cast<std::uint8_t*>(output) + begin * axis, end - begin);
    });
    return;
  }
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        const auto* in = static_cast<const In*>(input);
        auto* out = static_cast<Out*>(output);
        if constexpr (sizeof(In) == 1) {
          if (!pairs_.empty()) return run_pairs(in, out, pool);
        }
        for_row_chunks(spec_.outer * inner, axis, pool, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t line = begin; line < end; ++line) {
            const std::int64_t at = line / inner * axis * inner + line % inner;
            run_line(in + at, out + at);
          }
        });
      },
      spec_.input_type, spec_.output_type);
}

}  // namespace quant::integer
