// SPDX-License-Identifier: MIT
// The depthwise micro-kernel: a run of output pixels, vectors over channels, taps in pairs.
#pragma once

#include <cstdint>

#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/store_range.h"

namespace quant::integer {

// The narrowest vector. Kernels also have a wide one, a multiple of it.
inline constexpr int kDepthwiseNarrow = 16;

// Some neighbouring channels, one vector of bytes. Blocks may overlap.
struct DepthwiseBlock {
  std::int64_t channel = 0;  // the first
  std::int64_t width = 0;    // kDepthwiseNarrow, or the kernel's wide width
  // Packed in the order in which bytes unfold to int32: four parts of width / 4 lanes, lane i of
  // part p is channel 16·(i / 4) + 4·p + i mod 4 of the block.
  const std::int16_t* weights = nullptr;  // (pairs, width, 2)
  const std::int32_t* bias = nullptr;     // width
  const float* multipliers = nullptr;     // width
};

// Channel of a place in the packed order.
constexpr std::int64_t depthwise_channel(std::int64_t width, std::int64_t place) {
  const std::int64_t part = place / (width / 4);
  const std::int64_t lane = place % (width / 4);
  return 16 * (lane / 4) + 4 * part + lane % 4;
}

struct DepthwiseRun {
  std::int64_t pixels = 0;
  // Channels that are stored. Fewer than kDepthwiseNarrow: one block, all of whose bytes may be
  // read.
  std::int64_t channels = 0;
  // Input of each tap at the first pixel, channel 0; an even number. The next pixel lies in_step
  // bytes on.
  const std::uint8_t* const* taps = nullptr;
  std::int64_t pairs = 0;
  std::int64_t in_step = 0;
  const DepthwiseBlock* blocks = nullptr;
  std::int64_t block_count = 0;
  StoreRange range;
  std::uint8_t* output = nullptr;
  std::int64_t out_step = 0;
};

struct DepthwiseKernel {
  Isa isa = Isa::kRef;
  std::int64_t wide = 0;
  void (*run)(const DepthwiseRun& run) = nullptr;
};

// Null for kRef.
const DepthwiseKernel* depthwise_kernel(Isa isa);

}  // namespace quant::integer
