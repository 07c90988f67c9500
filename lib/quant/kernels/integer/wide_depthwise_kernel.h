// SPDX-License-Identifier: MIT
// The depthwise micro-kernel where a tensor has 16 bits: a run of output pixels, vectors over
// channels.
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
struct WideDepthwiseRun {
  std::int64_t pixels = 0;
  std::int64_t channels = 0;
  std::int64_t stride = 0;            // of weights, from tap to tap
  const void* const* taps = nullptr;  // channel 0 of each, at the first pixel
  std::int64_t in_step = 0;           // to the next pixel's, in elements
  std::int64_t tap_count = 0;
  const float* weights = nullptr;  // (tap_count, stride)
  const double* bias = nullptr;
  StoreLanes<double> store;
  void* output = nullptr;
  std::int64_t out_step = 0;  // in elements
};

struct WideDepthwiseKernel {
  Isa isa = Isa::kRef;
  void (*run)(const WideDepthwiseRun& run) = nullptr;
};

// For activations of those types, uint8 or uint16. Null for kRef.
const WideDepthwiseKernel* wide_depthwise_kernel(Isa isa, DataType input, DataType output);

}  // namespace quant::integer
