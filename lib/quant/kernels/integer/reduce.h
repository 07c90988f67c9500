// SPDX-License-Identifier: MIT
// Mean, sum, max and min over one run of axes; global average pooling of NHWC is outer = N, reduce
// = H·W, inner = C.
#pragma once

#include <cstdint>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

enum class ReduceOp { kMean, kSum, kMax, kMin };

// Input (outer, reduce, inner) dense, output (outer, inner) dense. Sizes ≥ 1.
struct ReduceSpec {
  ReduceOp op = ReduceOp::kMean;
  std::int64_t outer = 1, reduce = 1, inner = 1;
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// Mean and sum: arithmetic/average.h. Max and min: the greatest or least q, then
// make_requantize_table. Reentrant, no overlap.
class Reduce {
 public:
  Reduce(const ReduceSpec& spec, Isa isa);
  void run(const void* input, void* output, ThreadPool& pool) const;
  // kRef where a tensor has 16 bits, or a sum does not fit int32.
  Isa isa() const { return isa_; }

 private:
  template <typename Real, typename In, typename Out>
  void run_sums(const In* input, Out* output, ThreadPool& pool) const;
  template <typename In, typename Out>
  void run_extremes(const In* input, Out* output, ThreadPool& pool) const;

  ReduceSpec spec_;
  bool wide_ = false;  // a tensor has 16 bits, or a sum may leave int32
  LookupTable table_;  // of max and min
  Isa isa_;
};

}  // namespace quant::integer
