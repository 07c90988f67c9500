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

// Bytes of activations times words of weights are summed in int32: 256 · 255 · 2^15 < 2^31.
inline constexpr std::int64_t kMostWideDepthwiseTaps = 256;

// Lane i of a block of `width` channels is its channel
// wide_depthwise_channel(width, i): vectors are interleaved inside 16 bytes.
constexpr std::int64_t wide_depthwise_channel(std::int64_t width, std::int64_t lane) {
  const std::int64_t half = width / 2;
  return lane % half / 4 * 8 + lane / half * 4 + lane % 4;
}

// Neighbouring channels: WideDepthwiseKernel::widest of them, or a half, a quarter, … down to 8.
struct WideDepthwiseBlock {
  std::int64_t channel = 0;
  std::int64_t width = 0;
  std::int64_t count = 0;                 // to read and to store, < width only where width is 8
  const std::int16_t* weights = nullptr;  // (pairs of taps, width, 2), in lane order
  const double* bias = nullptr;           // in lane order, as is `store`
  StoreLanes<double> store;
};

struct WideDepthwiseRun {
  std::int64_t pixels = 0;
  const void* const* taps = nullptr;  // two for each pair: channel 0, at the first pixel
  std::int64_t pairs = 0;
  std::int64_t in_step = 0;  // to the next pixel's, in elements
  void* output = nullptr;
  std::int64_t out_step = 0;  // in elements
};

struct WideDepthwiseKernel {
  Isa isa = Isa::kRef;
  std::int64_t widest = 0;
  // The channels of `block` of all pixels.
  void (*run)(const WideDepthwiseRun& run, const WideDepthwiseBlock& block) = nullptr;
};

// For activations of those types, uint8 or uint16. Null for kRef.
const WideDepthwiseKernel* wide_depthwise_kernel(Isa isa, DataType input, DataType output);

}  // namespace quant::integer
