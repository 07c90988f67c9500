// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/normalize.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/span_kernels.h"
#include "quant/tensor/visit_activation.h"

namespace quant::integer {
namespace {

// Lines that are read together: neighbours in memory where inner > 1.
constexpr std::int64_t kLines = 16;

// Longer lines are shared by threads.
constexpr std::int64_t kSharedLine = 32 * 1024;

// Elements of a line from which on a table of 256, and a line of its own, pays.
constexpr std::int64_t kLongLine = 1024;

float entry(const std::vector<float>& values, std::size_t index, float absent) {
  if (values.empty()) return absent;
  return values[values.size() == 1 ? 0 : index];
}

}  // namespace

Normalize::Normalize(const NormalizeSpec& spec, Isa isa) : spec_(spec) {
  const bool one_affine =
      spec.affine_axis == AffineAxis::kInner || (spec.gamma.size() <= 1 && spec.beta.size() <= 1);
  const bool words = !all_bytes(spec.input_type);
  by_lines_ = spec.inner == 1 && spec.reduce >= kLongLine && one_affine &&
              (!words || spec.output_type == spec.input_type);
  isa_ = by_lines_ ? isa : Isa::kRef;
  const std::int64_t count = spec.affine_axis == AffineAxis::kInner ? spec.inner : spec.reduce;
  const bool bytes = all_bytes(spec.input_type, spec.output_type);
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const float gamma = entry(spec.gamma, i, 1);
    const float beta = entry(spec.beta, i, 0);
    if (bytes) {
      affine_.push_back(normalization_affine<float>(gamma, beta, spec.output_scale));
    } else {
      wide_affine_.push_back(normalization_affine<double>(gamma, beta, spec.output_scale));
    }
  }
}

void Normalize::run(const void* input, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        const auto* in = static_cast<const In*>(input);
        auto* out = static_cast<Out*>(output);
        if constexpr (sizeof(In) == 1 || std::is_same_v<In, Out>) {
          if (by_lines_) return run_lines(in, out, pool);
        }
        run_as(in, out, pool);
      },
      spec_.input_type, spec_.output_type);
}

template <typename In, typename Out>
void Normalize::run_lines(const In* input, Out* output, ThreadPool& pool) const {
  using Real = RuleReal<In, Out>;
  const SpanKernels& kernels = span_kernels(isa_);
  const ElementKernels<In>& sums = kernels.of<In>();
  const std::int64_t n = spec_.reduce;
  const std::int64_t zero_point = spec_.input.zero_point;
  const auto& affine = [&]() -> const NormalizationAffine<Real>& {
    if constexpr (std::is_same_v<Real, float>)
      return affine_[0];
    else
      return wide_affine_[0];
  }();
  const auto rule_of = [&](std::int64_t sum, std::int64_t squares) {
    // Σ (q − zp) and Σ (q − zp)².
    const std::int64_t centred = sum - n * zero_point;
    const std::int64_t centred_squares =
        squares - 2 * zero_point * sum + n * zero_point * zero_point;
    const auto moments =
        normalization_moments<Real>(centred, centred_squares, n, spec_.input.scale, spec_.epsilon);
    if constexpr (sizeof(In) == 1) {
      // A line has 256 answers at most.
      LookupTable table{spec_.input_type, spec_.output_type, {}};
      for (std::int32_t q = 0; q <= greatest_activation(spec_.input_type); ++q) {
        const Real t = normalized_value(q - spec_.input.zero_point, moments, affine);
        table.entries.push_back(static_cast<std::uint16_t>(round_to_output(t, spec_.output)));
      }
      return table;
    } else {
      return NormalizeRule{spec_.input.zero_point, moments, affine, spec_.output};
    }
  };
  const auto apply = [&](const auto& rule, const In* in, Out* out, std::int64_t count) {
    if constexpr (sizeof(In) == 1) {
      lookup_span(kernels, in, out, count, rule);
    } else {
      kernels.normalize(rule, in, out, count);
    }
  };
  if (n <= kSharedLine) {
    for_row_chunks(spec_.outer, n, pool, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin * n; at < end * n; at += n) {
        const In* in = input + at;
        apply(rule_of(sums.sum(in, n), sums.sum_of_squares(in, n)), in, output + at, n);
      }
    });
    return;
  }
  // Threads share a line, whose sums are less work than to hand them on: each makes its own.
  for (std::int64_t at = 0; at < spec_.outer * n; at += n) {
    const In* in = input + at;
    const auto rule = rule_of(sums.sum(in, n), sums.sum_of_squares(in, n));
    for_chunks(n, pool, [&](std::int64_t begin, std::int64_t end) {
      apply(rule, in + begin, output + at + begin, end - begin);
    });
  }
}

template <typename In, typename Out>
void Normalize::run_as(const In* input, Out* output, ThreadPool& pool) const {
  using Real = RuleReal<In, Out>;
  const std::int64_t inner = spec_.inner;
  const std::int64_t blocks = (inner + kLines - 1) / kLines;
  const std::int32_t zero_point = spec_.input.zero_point;
  const auto affine = [&](std::int64_t index) {
    if constexpr (std::is_same_v<Real, float>) {
      return affine_[static_cast<std::size_t>(index)];
    } else {
      return wide_affine_[static_cast<std::size_t>(index)];
    }
  };
  const auto run_block = [&](std::int64_t task) {
    const std::int64_t first = task % blocks * kLines;
    const std::int64_t lines = std::min(kLines, inner - first);
    const std::int64_t at = task / blocks * spec_.reduce * inner + first;
    const In* in = input + at;
    Out* out = output + at;
    std::int64_t sums[kLines] = {};
    std::int64_t squares[kLines] = {};
    for (std::int64_t r = 0; r < spec_.reduce; ++r) {
      for (std::int64_t i = 0; i < lines; ++i) {
        const std::int64_t x = in[r * inner + i] - zero_point;
        sums[i] += x;
        squares[i] += x * x;
      }
    }
    NormalizationMoments<Real> moments[kLines];
    for (std::int64_t i = 0; i < lines; ++i) {
      moments[i] = normalization_moments<Real>(sums[i], squares[i], spec_.reduce, spec_.input.scale,
                                               spec_.epsilon);
    }
    for (std::int64_t r = 0; r < spec_.reduce; ++r) {
      for (std::int64_t i = 0; i < lines; ++i) {
        const Real t =
            normalized_value(in[r * inner + i] - zero_point, moments[i],
                             affine(spec_.affine_axis == AffineAxis::kInner ? first + i : r));
        out[r * inner + i] = static_cast<Out>(round_to_output(t, spec_.output));
      }
    }
  };
  for_row_chunks(spec_.outer * blocks, spec_.reduce * std::min(inner, kLines), pool,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t task = begin; task < end; ++task) run_block(task);
                 });
}

}  // namespace quant::integer
