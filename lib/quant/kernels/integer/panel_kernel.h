// SPDX-License-Identifier: MIT
// The matrix micro-kernel under convolution and matrix product: up to six rows of widened
// activations by one tile of output channels, summed exactly and requantized in the store. It comes
// in four forms, for four kinds of operands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/arithmetic/requantize.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/data_type.h"

namespace quant::integer {

inline constexpr int kPanelRows = 6;

// 8-bit tensors. Products are taken in pairs along k (pmaddwd and its kin): int16 × int16 → int32
// without saturation, as activations lie in −255…255 and weights in −255…255. u8·s8 instructions
// of AVX2 (pmaddubsw) would be faster and are not used: they add pairs in a saturating int16.
struct NarrowPanel {
  using Widened = std::int16_t;  // an activation
  using Weight = std::int16_t;
  using Sum = std::int32_t;
  using Real = float;               // of requantization
  static constexpr int kDepth = 2;  // products along k that lie together
};

// 8-bit tensors and int8 weights, where the CPU has dot products (vpdpbusd and its kin): four
// products u8·s8 are added to an int32 without saturation, and bytes are used as they lie.
struct BytePanel {
  using Widened = std::uint8_t;
  using Weight = std::int8_t;
  using Sum = std::int32_t;
  using Real = float;
  static constexpr int kDepth = 4;
};

// Where a tensor has 16 bits and the CPU has dot products: weights of W, activations used as they
// lie if they are words. Sums in int32 are joined in double: of at most kMostWordProducts products,
// and with a bias of at most kMostWordBias, to which PanelKernel::offset adds less than 2^47.
template <typename W>
struct WordPanel {
  using Widened = std::uint16_t;
  using Weight = W;
  using Sum = double;
  using Real = double;
  static constexpr int kDepth = 4;
};
inline constexpr std::int64_t kMostWordProducts = 32768;  // · 255 · 128 < 2^31
inline constexpr std::int64_t kMostWordBias = std::int64_t{1} << 52;
// With 16-bit weights, how many steps may pass until carries are taken over (panel_weights.h and
// word_panel_kernel_simd.cpp).
inline constexpr std::int64_t kCarrySteps = 32;

// Everything else: integers in doubles, which hold them and all their sums up to 2^53. No rounding
// happens, so that a fused multiply-add gives the same bits.
struct WidePanel {
  using Widened = double;
  using Weight = float;  // holds their 17 bits in half of the memory
  using Sum = double;
  using Real = double;
  static constexpr int kDepth = 1;
};

// How sums become outputs, lane by lane.
template <typename Real>
struct StoreLanes {
  const Real* multipliers = nullptr;
  const Real* lowest = nullptr;   // qmin − zp
  const Real* highest = nullptr;  // qmax − zp
  const std::int32_t* zero_points = nullptr;

  // Those of a lane and behind it.
  StoreLanes from(std::int64_t lane) const {
    return {multipliers + lane, lowest + lane, highest + lane, zero_points + lane};
  }
};

// The arrays behind StoreLanes.
template <typename Real>
class PackedStore {
 public:
  // Of one more lane.
  void add(const Requantization& requantization, std::int64_t channel) {
    const OutputRange& range = requantization.output(channel);
    multipliers_.push_back(requantization.multiplier<Real>(channel));
    lowest_.push_back(static_cast<Real>(range.qmin - range.zero_point));
    highest_.push_back(static_cast<Real>(range.qmax - range.zero_point));
    zero_points_.push_back(range.zero_point);
  }
  StoreLanes<Real> from(std::int64_t lane) const {
    return StoreLanes<Real>{multipliers_.data(), lowest_.data(), highest_.data(),
                            zero_points_.data()}
        .from(lane);
  }

 private:
  std::vector<Real> multipliers_, lowest_, highest_;
  std::vector<std::int32_t> zero_points_;
};

template <typename Panel>
struct PanelTile {
  std::int64_t rows = 0;  // any number; taken kPanelRows at a time
  const typename Panel::Widened* activations = nullptr;
  std::int64_t row_stride = 0;  // in elements
  // A row's activations lie in `runs` runs of run_steps · kDepth each, which begin run_offsets
  // elements behind the row's beginning. What is multiplied by weights of 0 may be anything.
  const std::int64_t* run_offsets = nullptr;
  std::int64_t runs = 0;
  std::int64_t run_steps = 0;
  const typename Panel::Weight* weights = nullptr;  // panel_weights.h
  const typename Panel::Sum* bias = nullptr;        // width
  StoreLanes<typename Panel::Real> store;           // width
  std::byte* output = nullptr;                      // of the first row
  std::int64_t output_step = 0;                     // bytes from row to row
  int width = 0;                                    // multiple of PanelKernel::step
  int channels = 0;                                 // to store, ≤ width
};

// Elements to widen: `length` of each pixel. All sizes in elements.
template <typename Panel>
struct WidenJob {
  const void* source = nullptr;
  std::int64_t pixels = 0;
  std::int64_t pixel_step = 0;  // in the source
  std::int64_t length = 0;
  typename Panel::Widened* out = nullptr;
  std::int64_t out_step = 0;

  // All of it is one run.
  bool dense() const { return pixel_step == length && out_step == length; }
};

template <typename Panel>
struct PanelKernel {
  Isa isa = Isa::kRef;
  int tile = 0;    // lanes
  int step = 0;    // lanes: a tile may have any multiple of these
  int merged = 0;  // lanes: pixels of fewer channels are worth merging into that many
  // Weights, bias and StoreLanes of a whole tile are kept in the order in which the vectors come
  // apart at the store: lane i belongs to channel order[i].
  void (*channel_order)(std::int32_t* order) = nullptr;
  void (*widen)(const WidenJob<Panel>& job) = nullptr;
  void (*run)(const PanelTile<Panel>& tile) = nullptr;
  // What is taken from an activation before it is multiplied: the bias makes up for it.
  std::int32_t offset = 0;
};

// For activations of those types, uint8 or uint16; NarrowPanel and BytePanel: both uint8. Null for
// kRef, for BytePanel and WordPanel where `isa` has no dot products, and for
// WordPanel<std::int16_t> where it has none of words.
template <typename Panel>
const PanelKernel<Panel>* panel_kernel(Isa isa, DataType input, DataType output);

}  // namespace quant::integer
