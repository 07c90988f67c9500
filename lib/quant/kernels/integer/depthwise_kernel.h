// SPDX-License-Identifier: MIT
// The depthwise micro-kernels: a run of output pixels, vectors over channels, taps in groups.
#pragma once

#include <cstdint>

#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/store_range.h"

namespace quant::integer {

// Some neighbouring channels, one vector of bytes. Blocks may overlap.
struct DepthwiseBlock {
  std::int64_t channel = 0;  // the first
  std::int64_t width = 0;    // the kernel's narrow or wide width
  // Packed in the order in which bytes unfold to int32: four parts of width / 4 lanes, lane i of
  // part p is channel 16·(i / 4) + 4·p + i mod 4 of the block.
  const void* weights = nullptr;       // (groups, width, depth) of int16 or int8, DepthwiseKernel
  const std::int32_t* bias = nullptr;  // width
  const float* multipliers = nullptr;  // width
};

// Channel of a place in the packed order.
constexpr std::int64_t depthwise_channel(std::int64_t width, std::int64_t place) {
  const std::int64_t part = place / (width / 4);
  const std::int64_t lane = place % (width / 4);
  return 16 * (lane / 4) + 4 * part + lane % 4;
}

struct DepthwiseRun {
  std::int64_t pixels = 0;
  // Channels that are stored. Fewer than the narrow width: one block, all of whose bytes may be
  // read.
  std::int64_t channels = 0;
  // Input of each tap at the first pixel, channel 0: `groups` times the kernel's depth. The next
  // pixel lies in_step bytes on.
  const std::uint8_t* const* taps = nullptr;
  std::int64_t groups = 0;
  std::int64_t in_step = 0;
  // Depth 4: three groups, each a column of three taps and one without weights; neighbouring
  // columns lie column_step bytes apart if there are more pixels than one.
  bool columns = false;
  std::int64_t column_step = 0;
  const DepthwiseBlock* blocks = nullptr;
  std::int64_t block_count = 0;
  StoreRange range;
  std::uint8_t* output = nullptr;
  std::int64_t out_step = 0;
};

struct DepthwiseKernel {
  Isa isa = Isa::kRef;
  std::int64_t narrow = 0;  // widths of a block; wide is a multiple of narrow
  std::int64_t wide = 0;
  int depth = 0;  // taps of a group: 2 with weights of int16, or 4 with int8
  void (*run)(const DepthwiseRun& run) = nullptr;
  std::int32_t offset = 0;  // taken from an activation before it is multiplied
};

// Pairs of taps. Null for kRef.
const DepthwiseKernel* depthwise_kernel(Isa isa);
// Groups of four. Null where `isa` has no dot products.
const DepthwiseKernel* byte_depthwise_kernel(Isa isa);

}  // namespace quant::integer
