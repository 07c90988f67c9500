// SPDX-License-Identifier: MIT
// Softmax along one axis. Rule: arithmetic/softmax.h.
#pragma once

#include <cstdint>

#include "quant/arithmetic/softmax.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// Input and output (outer, axis, inner), dense. Sizes ≥ 1, axis ≤ 2^30.
struct SoftmaxSpec {
  std::int64_t outer = 1, axis = 1, inner = 1;
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  SoftmaxTable table;  // of the input's scale and type; table[0] > 0
  float output_scale = 1;
  OutputRange output;
};

// Scalar on every instruction set: a table look-up per element. Reentrant; `output` may not be
// `input`.
class Softmax {
 public:
  explicit Softmax(const SoftmaxSpec& spec);
  void run(const void* input, void* output, ThreadPool& pool) const;

 private:
  template <typename In, typename Out>
  void run_line(const In* in, Out* out) const;

  SoftmaxSpec spec_;
};

}  // namespace quant::integer
