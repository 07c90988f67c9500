// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/reduce.h"

#include <algorithm>

#include "quant/arithmetic/accumulator.h"
#include "quant/arithmetic/average.h"
#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"
#include "quant/tensor/visit_activation.h"

namespace quant::integer {
namespace {

// Columns of one task: whole cache lines.
constexpr std::int64_t kColumns = 64;

bool is_sum(ReduceOp op) { return op == ReduceOp::kMean || op == ReduceOp::kSum; }

// block(input, output, columns): every run of columns of every outer index.
template <typename In, typename Out, typename Block>
void for_blocks(const ReduceSpec& spec, const In* input, Out* output, ThreadPool& pool,
                const Block& block) {
  const std::int64_t inner = spec.inner;
  const std::int64_t blocks = (inner + kColumns - 1) / kColumns;
  for_row_chunks(spec.outer * blocks, spec.reduce * std::min(inner, kColumns), pool,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t task = begin; task < end; ++task) {
                     const std::int64_t first = task % blocks * kColumns;
                     block(input + task / blocks * spec.reduce * inner + first,
                           output + task / blocks * inner + first,
                           std::min(kColumns, inner - first));
                   }
                 });
}

}  // namespace

Reduce::Reduce(const ReduceSpec& spec, Isa isa) : spec_(spec) {
  wide_ = !all_bytes(spec.input_type, spec.output_type) ||
          (is_sum(spec.op) && !sum_fits_int32(spec.reduce, greatest_activation(spec.input_type)));
  isa_ = wide_ ? Isa::kRef : isa;
  if (!is_sum(spec.op)) {
    table_ = make_requantize_table(spec.input, spec.output_scale, spec.output, spec.input_type,
                                   spec.output_type);
  }
}

void Reduce::run(const void* input, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        const auto* in = static_cast<const In*>(input);
        auto* out = static_cast<Out*>(output);
        if (!is_sum(spec_.op)) return run_extremes(in, out, pool);
        if constexpr (std::is_same_v<RuleReal<In, Out>, float>) {
          if (!wide_) return run_sums<float>(in, out, pool);
        }
        run_sums<double>(in, out, pool);
      },
      spec_.input_type, spec_.output_type);
}

template <typename Real, typename In, typename Out>
void Reduce::run_sums(const In* input, Out* output, ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const std::int64_t count = spec_.op == ReduceOp::kMean ? spec_.reduce : 1;
  const SumRule<Real> rule{spec_.reduce * spec_.input.zero_point,
                           average_multiplier<Real>(spec_.input.scale, spec_.output_scale, count),
                           spec_.output};
  for_blocks(spec_, input, output, pool, [&](const In* in, Out* out, std::int64_t n) {
    if (spec_.inner == 1) {
      const std::int64_t sum = kernels.of<In>().sum(in, spec_.reduce) - rule.offset;
      out[0] = requantize<Out>(sum, rule.multiplier, rule.output);
    } else {
      sum_columns_span(kernels, in, spec_.reduce, spec_.inner, rule, out, n);
    }
  });
}

template <typename In, typename Out>
void Reduce::run_extremes(const In* input, Out* output, ThreadPool& pool) const {
  for_blocks(spec_, input, output, pool, [&](const In* in, Out* out, std::int64_t n) {
    In extreme[kColumns];
    std::copy_n(in, n, extreme);
    for (std::int64_t r = 1; r < spec_.reduce; ++r) {
      for (std::int64_t i = 0; i < n; ++i) {
        const In q = in[r * spec_.inner + i];
        extreme[i] = spec_.op == ReduceOp::kMax ? std::max(extreme[i], q) : std::min(extreme[i], q);
      }
    }
    lookup_rows_loop(extreme, n, out, n, 1, n, table_);
  });
}

}  // namespace quant::integer
