// SPDX-License-Identifier: MIT
// Resize of NHWC by per-axis tables: nearest, bilinear, bicubic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/resize_axis.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

struct Resize2dSpec {
  std::int64_t batch = 1, channels = 1;
  ResizeAxis vertical, horizontal;
  DataType input_type = DataType::kUint8, output_type = DataType::kUint8;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// In Real (RuleReal of input and output), one operation at a time, taps in the order of the tables:
//   h[y]  = Σ_j Real(q[y, ix(j)] − zp)·wx(j)     along a row first, from the first product on
//   v     = Σ_i h[iy(i)]·wy(i)                    then down the column
//   t     = v·M, M = Real(double(s_in)/double(s_out)); round_to_output.
// With one tap of weight 1 on both axes (nearest) this equals make_requantize_table; that is how it
// runs where the types are one. Reentrant, no overlap.
class Resize2d {
 public:
  Resize2d(const Resize2dSpec& spec, Isa isa);
  std::size_t scratch_bytes(int threads) const;
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const;
  // kRef where a tensor has 16 bits.
  Isa isa() const { return isa_; }

 private:
  template <typename T>
  void run_nearest(const T* input, T* output, ThreadPool& pool) const;
  template <typename In, typename Out>
  void run_weighted(const In* input, Out* output, std::byte* scratch, ThreadPool& pool) const;

  Resize2dSpec spec_;
  std::vector<float> vertical_weights_, horizontal_weights_;  // as 8-bit tensors take them
  bool nearest_;                                              // of one type
  std::optional<LookupTable> table_;                          // nearest_: where it is no identity
  Isa isa_;
};

}  // namespace quant::integer
