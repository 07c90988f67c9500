// SPDX-License-Identifier: MIT
// The matrix micro-kernel under convolution and matrix product: up to six rows of widened
// activations by one tile of output channels, exact in int32, requantized in the store.
//
// Products are taken in pairs along k (pmaddwd and its kin): int16 × int16 → int32 without
// saturation, as activations lie in −255…255 and weights in −255…255. u8·s8 instructions would be
// faster and are not used: they add pairs in a saturating int16.
#pragma once

#include <cstdint>

#include "quant/arithmetic/requantize.h"
#include "quant/kernels/integer/isa.h"

namespace quant::integer {

inline constexpr int kPanelRows = 6;

// Limits and zero point of an output in the form the kernels want.
struct StoreRange {
  float lowest = 0;   // qmin − zp
  float highest = 0;  // qmax − zp
  std::int32_t zero_point = 0;
  StoreRange() = default;
  explicit StoreRange(const OutputRange& range)
      : lowest(static_cast<float>(range.qmin - range.zero_point)),
        highest(static_cast<float>(range.qmax - range.zero_point)),
        zero_point(range.zero_point) {}
};

struct PanelTile {
  std::int64_t rows = 0;  // any number; taken kPanelRows at a time
  const std::int16_t* activations = nullptr;
  std::int64_t row_stride = 0;            // in elements
  std::int64_t pairs = 0;                 // k rounded up to even, halved
  const std::int16_t* weights = nullptr;  // (pairs, width, 2)
  const std::int32_t* bias = nullptr;     // width
  const float* multipliers = nullptr;     // width
  StoreRange range;
  std::uint8_t* const* outputs = nullptr;  // one per row
  int width = 0;                           // PanelKernel::tile, or half of it
  int channels = 0;                        // to store, ≤ width
};

// Bytes to widen: for each pixel, `runs` runs of `length` bytes, laid end to end in the pixel's
// row.
struct WidenJob {
  const std::uint8_t* source = nullptr;
  std::int64_t pixels = 0;
  std::int64_t pixel_step = 0;            // in the source, bytes
  const std::int64_t* offsets = nullptr;  // of the runs of a pixel
  std::int64_t runs = 0;
  std::int64_t length = 0;
  std::int16_t* out = nullptr;
  std::int64_t out_stride = 0;  // in elements
};

struct PanelKernel {
  Isa isa = Isa::kRef;
  int tile = 0;
  // Weights, bias and multipliers of a tile are kept in the order in which the vectors come apart
  // at the store: lane i belongs to channel order[i].
  void (*channel_order)(std::int32_t* order) = nullptr;
  void (*widen)(const WidenJob& job) = nullptr;
  void (*run)(const PanelTile& tile) = nullptr;
};

// Null for kRef.
const PanelKernel* panel_kernel(Isa isa);

}  // namespace quant::integer
