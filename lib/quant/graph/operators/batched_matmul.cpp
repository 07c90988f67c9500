// SPDX-License-Identifier: MIT
#include "quant/graph/operators/batched_matmul.h"

#include <algorithm>

#include "quant/graph/operators/broadcast.h"

namespace quant {

Result<BatchedMatMul> BatchedMatMul::create(const Shape& batch_a, const Shape& batch_b,
                                            onednn::MatMulShape matrices) {
  QUANT_TRY_ASSIGN(const Shape batch, broadcast_shapes(batch_a, batch_b));
  const std::int64_t count = element_count(batch);
  const std::int64_t count_a = element_count(batch_a);
  const std::int64_t count_b = element_count(batch_b);
  BatchedMatMul result;
  result.elements_c_ = count * matrices.m * matrices.n;
  if (result.elements_c_ == 0 || matrices.k == 0) return result;

  matrices.batch = 1;
  if (count_a == count && count_b == count) {
    matrices.batch = count;
    result.calls_.assign(1, {});
  } else if (count_b == 1 && !matrices.transpose_a) {
    matrices.m *= count;  // the rows of all batches are one tall matrix
    result.calls_.assign(1, {});
  } else {
    const std::int64_t step_a = matrices.m * matrices.k;
    const std::int64_t step_b = matrices.k * matrices.n;
    result.calls_.reserve(static_cast<std::size_t>(count));
    for (std::int64_t index = 0; index < count; ++index) {
      const auto offset = [&](const Shape& operand, std::int64_t step) {
        std::int64_t rest = index;
        std::int64_t scale = step;
        std::int64_t sum = 0;
        for (std::size_t i = 1; i <= operand.size(); ++i) {
          const std::int64_t size = operand[operand.size() - i];
          const std::int64_t whole = batch[batch.size() - i];
          if (size != 1) sum += rest % whole * scale;
          scale *= size;
          rest /= whole;
        }
        return sum;
      };
      result.calls_.push_back({offset(batch_a, step_a), offset(batch_b, step_b)});
    }
  }
  result.step_c_ = matrices.m * matrices.n;
  QUANT_TRY_ASSIGN(result.primitive_, onednn::MatMul::create(matrices));
  return result;
}

Status BatchedMatMul::run(const float* a, const float* b, float* c) {
  if (!primitive_) {
    std::fill_n(c, elements_c_, 0.0F);
    return {};
  }
  for (const Offsets& call : calls_) {
    QUANT_TRY(primitive_->run(a + call.a, b + call.b, c));
    c += step_c_;
  }
  return {};
}

}  // namespace quant
