// SPDX-License-Identifier: MIT
// The depthwise micro-kernel where a tensor has 16 bits: one output pixel, vectors over channels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

// Sums in double, as in WidePanel. `weights`, `bias` and `store` are padded to whole vectors, up to
// kWideDepthwisePad channels more; taps and output are not.
inline constexpr std::int64_t kWideDepthwisePad = 8;
struct WideDepthwisePixel {
  std::int64_t channels = 0;
  std::int64_t stride = 0;            // of weights, from tap to tap
  const void* const* taps = nullptr;  // channel 0 of each
  std::int64_t tap_count = 0;
  const float* weights = nullptr;  // (tap_count, stride)
  const double* bias = nullptr;
  StoreLanes<double> store;
  void* output = nullptr;
};

struct WideDepthwiseKernel {
  Isa isa = Isa::kRef;
  void (*run)(const WideDepthwisePixel& pixel) = nullptr;
};

// For activations of those types, uint8 or uint16. Null for kRef.
const WideDepthwiseKernel* wide_depthwise_kernel(Isa isa, DataType input, DataType output);

}  // namespace quant::integer
