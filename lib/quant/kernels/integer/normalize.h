// SPDX-License-Identifier: MIT
// Instance, layer and group normalization. Rule: arithmetic/normalization.h.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/arithmetic/normalization.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

// Which index of (outer, reduce, inner) chooses gamma and beta.
enum class AffineAxis {
  kInner,   // instance normalization of NHWC: outer = N, reduce = H·W, inner = C
  kReduce,  // layer normalization: outer = rows, reduce = features, inner = 1
};

// Input and output (outer, reduce, inner), dense; moments over `reduce` ≤ kMaxNormalizedElements.
struct NormalizeSpec {
  std::int64_t outer = 1, reduce = 1, inner = 1;
  AffineAxis affine_axis = AffineAxis::kInner;
  std::vector<float> gamma, beta;  // as many as that axis has, or 1, or empty: 1 and 0
  double epsilon = 1e-5;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Scalar on every instruction set. Reentrant; `output` may be `input`.
class Normalize {
 public:
  explicit Normalize(const NormalizeSpec& spec);
  void run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const;

 private:
  NormalizeSpec spec_;
  std::vector<NormalizationAffine> affine_;  // one per index of the affine axis
};

}  // namespace quant::integer
