// SPDX-License-Identifier: MIT
#include <algorithm>

#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

void lookup(const std::uint8_t* in, std::uint8_t* out, std::int64_t n, const LookupTable& table) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = table[in[i]];
}

void binary(const BinaryRule& rule, const std::uint8_t* a, int a_step, const std::uint8_t* b,
            int b_step, std::uint8_t* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const float t = binary_value(rule.op, a[i * a_step] - rule.a_zero_point,
                                 b[i * b_step] - rule.b_zero_point, rule.multipliers);
    out[i] = static_cast<std::uint8_t>(round_to_output(t, rule.output));
  }
}

void maximum(const std::uint8_t* const* rows, std::int64_t count, std::uint8_t* out,
             std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::uint8_t greatest = rows[0][i];
    for (std::int64_t r = 1; r < count; ++r) greatest = std::max(greatest, rows[r][i]);
    out[i] = greatest;
  }
}

void sum_rows(const std::uint8_t* const* rows, std::int64_t count, const SumRule& rule,
              std::uint8_t* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::int32_t sum = -rule.offset;
    for (std::int64_t r = 0; r < count; ++r) sum += rows[r][i];
    out[i] = requantize_u8(sum, rule.multiplier, rule.output);
  }
}

void sum_columns(const std::uint8_t* in, std::int64_t count, std::int64_t stride,
                 const SumRule& rule, std::uint8_t* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    std::int32_t sum = -rule.offset;
    for (std::int64_t r = 0; r < count; ++r) sum += in[r * stride + i];
    out[i] = requantize_u8(sum, rule.multiplier, rule.output);
  }
}

std::int64_t sum(const std::uint8_t* in, std::int64_t n) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += in[i];
  return total;
}

void weigh_bytes(const std::uint8_t* const* rows, const float* weights, int taps,
                 std::int32_t zero_point, float* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    float value = static_cast<float>(rows[0][i] - zero_point) * weights[0];
    for (int t = 1; t < taps; ++t) {
      const float term = static_cast<float>(rows[t][i] - zero_point) * weights[t];
      value = value + term;
    }
    out[i] = value;
  }
}

void weigh_floats(const float* const* rows, const float* weights, int taps, float multiplier,
                  const OutputRange& output, std::uint8_t* out, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    float value = rows[0][i] * weights[0];
    for (int t = 1; t < taps; ++t) {
      const float term = rows[t][i] * weights[t];
      value = value + term;
    }
    out[i] = static_cast<std::uint8_t>(round_to_output(value * multiplier, output));
  }
}

constexpr SpanKernels kRefKernels{Isa::kRef,   lookup, binary,      maximum,     sum_rows,
                                  sum_columns, sum,    weigh_bytes, weigh_floats};

}  // namespace

const SpanKernels& span_kernels_ref() { return kRefKernels; }

}  // namespace quant::integer
