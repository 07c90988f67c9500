// SPDX-License-Identifier: MIT
// Matrix products over broadcast batch axes: what MatMul, Gemm and Einsum have in common.
#pragma once

#include <optional>
#include <vector>

#include "quant/graph/operators/onednn.h"
#include "quant/tensor/shape.h"

namespace quant {

// One thread at a time.
class BatchedMatMul {
 public:
  // The batches broadcast numpy's way (InvalidData where they do not fit). `matrices` gives m, k, n
  // and transpositions; its batch is ignored. Sizes of 0 are allowed.
  static Result<BatchedMatMul> create(const Shape& batch_a, const Shape& batch_b,
                                      onednn::MatMulShape matrices);
  Status run(const float* a, const float* b, float* c);

 private:
  BatchedMatMul() = default;

  std::optional<onednn::MatMul> primitive_;  // absent where there is nothing to multiply
  // One call of the primitive each, in elements; C's calls follow one another.
  struct Offsets {
    std::int64_t a = 0;
    std::int64_t b = 0;
  };
  std::vector<Offsets> calls_;
  std::int64_t step_c_ = 0;
  std::int64_t elements_c_ = 0;
};

}  // namespace quant
