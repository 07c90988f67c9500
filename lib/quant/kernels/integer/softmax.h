// SPDX-License-Identifier: MIT
// Softmax along one axis. Rule: arithmetic/softmax.h.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/arithmetic/softmax.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/softmax_kernel.h"
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

// Bytes along a dense axis of at most 255 go through vectors, pairs of bytes through a table; all
// else is scalar. Reentrant; `output` may not be `input`.
class Softmax {
 public:
  Softmax(const SoftmaxSpec& spec, Isa isa);
  void run(const void* input, void* output, ThreadPool& pool) const;
  // kRef where no vectors are used.
  Isa isa() const;

 private:
  template <typename In, typename Out>
  void run_line(const In* in, Out* out) const;
  template <typename Out>
  void run_pairs(const std::uint8_t* in, Out* out, ThreadPool& pool) const;

  SoftmaxSpec spec_;
  const SoftmaxKernel* kernel_ = nullptr;
  // Two bytes: the answer for one, by 255 + its difference from the other.
  std::vector<std::uint16_t> pairs_;
};

}  // namespace quant::integer
