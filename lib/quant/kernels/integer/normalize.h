// SPDX-License-Identifier: MIT
// Instance, layer and group normalization. Rule: arithmetic/normalization.h.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/arithmetic/normalization.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

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
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Reentrant; `output` may be `input` where they have one type.
class Normalize {
 public:
  Normalize(const NormalizeSpec& spec, Isa isa);
  void run(const void* input, void* output, ThreadPool& pool) const;
  // kRef where it runs element by element: unless long lines with one gamma and beta lie dense, of
  // bytes, which become look-ups, or of words that stay words.
  Isa isa() const { return isa_; }

 private:
  template <typename In, typename Out>
  void run_lines(const In* input, Out* output, ThreadPool& pool) const;
  template <typename In, typename Out>
  void run_as(const In* input, Out* output, ThreadPool& pool) const;

  NormalizeSpec spec_;
  bool by_lines_ = false;
  Isa isa_;
  // One per index of the affine axis; in float where all is 8 bits, else in double.
  std::vector<NormalizationAffine<float>> affine_;
  std::vector<NormalizationAffine<double>> wide_affine_;
};

}  // namespace quant::integer
