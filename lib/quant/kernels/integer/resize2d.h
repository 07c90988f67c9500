// SPDX-License-Identifier: MIT
// Resize of uint8 NHWC by per-axis tables: nearest, bilinear, bicubic.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/arithmetic/lookup_table.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/resize_axis.h"

namespace quant::integer {

struct Resize2dSpec {
  std::int64_t batch = 1, channels = 1;
  ResizeAxis vertical, horizontal;
  AffineParams input;
  float output_scale = 1;
  OutputRange output;
};

// In float32, one operation at a time, taps in the order of the tables:
//   h[y]  = Σ_j float(q[y, ix(j)] − zp)·wx(j)     along a row first, from the first product on
//   v     = Σ_i h[iy(i)]·wy(i)                    then down the column
//   t     = v·M, M = float32(double(s_in)/double(s_out)); round_to_output.
// With one tap of weight 1 on both axes (nearest) this equals make_requantize_table; that is how it
// runs. Reentrant, no overlap.
class Resize2d {
 public:
  Resize2d(const Resize2dSpec& spec, Isa isa);
  std::size_t scratch_bytes(int threads) const;
  void run(const std::uint8_t* input, std::uint8_t* output, std::byte* scratch,
           ThreadPool& pool) const;
  Isa isa() const { return isa_; }

 private:
  Resize2dSpec spec_;
  float multiplier_;
  bool nearest_;
  bool requantizes_;
  LookupTable table_;
  Isa isa_;
};

}  // namespace quant::integer
