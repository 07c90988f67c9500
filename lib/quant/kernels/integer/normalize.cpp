// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/normalize.h"

#include <algorithm>

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"

namespace quant::integer {
namespace {

// Lines that are read together: neighbours in memory where inner > 1.
constexpr std::int64_t kLines = 16;

float entry(const std::vector<float>& values, std::size_t index, float absent) {
  if (values.empty()) return absent;
  return values[values.size() == 1 ? 0 : index];
}

}  // namespace

Normalize::Normalize(const NormalizeSpec& spec) : spec_(spec) {
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
        run_as(static_cast<const In*>(input), static_cast<Out*>(output), pool);
      },
      spec_.input_type, spec_.output_type);
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
