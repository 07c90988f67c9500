// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/reduce.h"

#include <algorithm>

#include "quant/arithmetic/accumulator.h"
#include "quant/arithmetic/average.h"
#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Columns of one task: whole cache lines.
constexpr std::int64_t kColumns = 64;

bool is_sum(ReduceOp op) { return op == ReduceOp::kMean || op == ReduceOp::kSum; }

}  // namespace

Reduce::Reduce(const ReduceSpec& spec, Isa isa) : spec_(spec), isa_(isa) {
  const std::int64_t count = spec.op == ReduceOp::kMean ? spec.reduce : 1;
  multiplier_ = average_multiplier(spec.input.scale, spec.output_scale, count);
  wide_multiplier_ = wide_average_multiplier(spec.input.scale, spec.output_scale, count);
  wide_ = is_sum(spec.op) && !sum_fits_int32(spec.reduce, 255);
  table_ = make_requantize_table(spec.input, spec.output_scale, spec.output);
}

void Reduce::run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const std::int64_t inner = spec_.inner;
  const std::int64_t blocks = (inner + kColumns - 1) / kColumns;
  const std::int64_t offset = spec_.reduce * spec_.input.zero_point;
  const SumRule rule{static_cast<std::int32_t>(wide_ ? 0 : offset), multiplier_, spec_.output};
  const auto reduce_block = [&](std::int64_t task) {
    const std::int64_t first = task % blocks * kColumns;
    const std::int64_t n = std::min(kColumns, inner - first);
    const std::uint8_t* in = input + task / blocks * spec_.reduce * inner + first;
    std::uint8_t* out = output + task / blocks * inner + first;
    if (!is_sum(spec_.op)) {
      std::copy_n(in, n, out);
      for (std::int64_t r = 1; r < spec_.reduce; ++r) {
        for (std::int64_t i = 0; i < n; ++i) {
          const std::uint8_t q = in[r * inner + i];
          out[i] = spec_.op == ReduceOp::kMax ? std::max(out[i], q) : std::min(out[i], q);
        }
      }
      for (std::int64_t i = 0; i < n; ++i) out[i] = table_[out[i]];
    } else if (wide_) {
      for (std::int64_t i = 0; i < n; ++i) {
        std::int64_t sum = -offset;
        for (std::int64_t r = 0; r < spec_.reduce; ++r) sum += in[r * inner + i];
        out[i] = requantize_u8(sum, wide_multiplier_, spec_.output);
      }
    } else if (inner == 1) {
      const auto sum = static_cast<std::int32_t>(kernels.sum(in, spec_.reduce) - offset);
      out[0] = requantize_u8(sum, multiplier_, spec_.output);
    } else {
      kernels.sum_columns(in, spec_.reduce, inner, rule, out, n);
    }
  };
  for_row_chunks(spec_.outer * blocks, spec_.reduce * std::min(inner, kColumns), pool,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t task = begin; task < end; ++task) reduce_block(task);
                 });
}

}  // namespace quant::integer
