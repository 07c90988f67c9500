// SPDX-License-Identifier: MIT
// Mean, sum, max and min over one run of axes; global average pooling of NHWC is outer = N, reduce
// = H·W, inner = C.
#pragma once

#include <cstdint>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

enum class ReduceOp { kMean, kSum, kMax, kMin };

// Input (outer, reduce, inner) dense, output (outer, inner) dense. Sizes ≥ 1.
struct ReduceSpec {
  ReduceOp op = ReduceOp::kMean;
  std::int64_t outer = 1, reduce = 1, inner = 1;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Mean and sum: arithmetic/average.h. Max and min: the greatest or least q, then
// make_requantize_table. Reentrant, no overlap.
class Reduce {
 public:
  Reduce(const ReduceSpec& spec, Isa isa);
  void run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const;
  Isa isa() const { return isa_; }

 private:
  ReduceSpec spec_;
  float multiplier_ = 0;
  double wide_multiplier_ = 0;
  bool wide_ = false;
  LookupTable table_{};
  Isa isa_;
};

}  // namespace quant::integer
