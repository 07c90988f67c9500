// SPDX-License-Identifier: MIT
// Transposed convolution of uint8 or uint16 NHWC by int8 or int16 weights.
//   out[n,y,x,o] = requantize(bias[o] + Σ w[c,o,i,j]·(in[n,a,b,c] − zp[c]))
// over all (i, j, a, b) with a·sh − pt + i·dh = y and b·sw − pl + j·dw = x.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "quant/kernels/integer/conv2d.h"

namespace quant::integer {

// The fields of Conv2dSpec with ONNX's ConvTranspose meaning: weights are (in_c, out_c/groups,
// kernel_h, kernel_w), pads are those cut off the output, out_h and out_w include output_padding.
struct ConvTranspose2dSpec : Conv2dSpec {};

// As Conv2d.
class ConvTranspose2d {
 public:
  ConvTranspose2d(const ConvTranspose2dSpec& spec, Isa isa);
  ~ConvTranspose2d();
  ConvTranspose2d(ConvTranspose2d&&) noexcept;
  ConvTranspose2d& operator=(ConvTranspose2d&&) noexcept;

  std::size_t scratch_bytes(int threads) const;
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const;
  Isa isa() const;
  bool wide() const;

 private:
  std::unique_ptr<ConvolutionImplementation> implementation_;
};

}  // namespace quant::integer
