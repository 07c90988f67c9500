// SPDX-License-Identifier: MIT
// BytePanel's micro-kernel, for the CPUs that have 8-bit dot products.
#include "quant/kernels/integer/panel_kernel.h"

#include <algorithm>
#include <cstring>

#include "quant/kernels/integer/panel_rows.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/byte_panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/copy_runs_simd-inl.h"
#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/narrow_store_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/tile_width_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Two vectors of unequal lengths.
template <int kWidth>
struct UnequalStore {
  NarrowStore<kLanes> first;
  NarrowStore<kWidth - kLanes> second;
  HWY_INLINE UnequalStore(const StoreLanes<float>& lanes, int channels)
      : first(lanes, kLanes), second(lanes.from(kLanes), channels - kLanes) {}
  template <class V1, class V2>
  HWY_INLINE void Store(V1 low, V2 high, std::byte* output) const {
    first.Store(low, low, output);
    second.Store(high, high, output + kLanes);
  }
};

template <int kWidth>
constexpr bool kUnequal = TileWidth<kWidth>::kTwo&& kWidth != kTile;
template <int kWidth>
using StoreOf = std::conditional_t<kUnequal<kWidth>, UnequalStore<kWidth>, NarrowStore<kWidth>>;

// One vector takes twice the rows, as its chains of sums would not hide the latency. Named, not an
// array: compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

template <int kRows, int kWidth>
void RunRows(const PanelTile<BytePanel>& tile, const StoreOf<kWidth>& store, std::int64_t first) {
  constexpr bool kTwo = TileWidth<kWidth>::kTwo;
  constexpr std::int64_t kHigh = kTwo ? kLanes : 0;
  using DLow = typename TileWidth<kWidth>::First;
  using DHigh = typename TileWidth<kWidth>::Second;
  const hn::Repartition<std::uint8_t, DLow> low_bytes;
  [[maybe_unused]] const hn::Repartition<std::uint8_t, DHigh> high_bytes;
  const std::int64_t stride = tile.row_stride;
  const std::uint8_t* rows = tile.activations + first * stride;
  const std::int8_t* HWY_RESTRICT weights = tile.weights;
  const auto bias_low = hn::LoadU(DLow(), tile.bias);
  [[maybe_unused]] const auto bias_high = hn::LoadU(DHigh(), tile.bias + kHigh);
#define QUANT_DECLARE(r)                   \
  [[maybe_unused]] auto low##r = bias_low; \
  [[maybe_unused]] auto high##r = bias_high;
  QUANT_FOR_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const std::uint8_t* HWY_RESTRICT a0 = rows + tile.run_offsets[run];
    const std::uint8_t* HWY_RESTRICT a6 = a0 + 6 * stride;
    std::int64_t left = tile.run_steps;
#define QUANT_ACCUMULATE(r)                                                                       \
  if constexpr (r < kRows) {                                                                      \
    const auto x = LoadSteps<kSteps>(low_bytes, r < 6 ? a0 + r * stride : a6 + (r - 6) * stride); \
    low##r = w_low.AddProducts(low##r, x);                                                        \
    if constexpr (kTwo) high##r = w_high.AddProducts(high##r, FirstOf(high_bytes, x));            \
  }
#define QUANT_WHILE_LEFT(steps)                                                                    \
  for (constexpr int kSteps = steps; left >= kSteps; left -= kSteps) {                             \
    const StepWeights<kSteps, hn::RebindToSigned<decltype(low_bytes)>> w_low(weights, 4 * kWidth); \
    [[maybe_unused]] const StepWeights<kSteps, hn::RebindToSigned<decltype(high_bytes)>> w_high(   \
        weights + 4 * kHigh, 4 * kWidth);                                                          \
    weights += kSteps * 4 * kWidth;                                                                \
    QUANT_FOR_ROWS(QUANT_ACCUMULATE)                                                               \
    a0 += 4 * kSteps;                                                                              \
    a6 += 4 * kSteps;                                                                              \
  }
    QUANT_WHILE_LEFT(kLoadSteps)
    if constexpr (kLoadSteps > 1) QUANT_WHILE_LEFT(1)
#undef QUANT_WHILE_LEFT
#undef QUANT_ACCUMULATE
  }
#define QUANT_MAKE_OPAQUE(r) \
  if constexpr (r < kRows) { \
    MakeOpaque(low##r);      \
    MakeOpaque(high##r);     \
  }
  QUANT_FOR_ROWS(QUANT_MAKE_OPAQUE)
#undef QUANT_MAKE_OPAQUE
  std::byte* const output = tile.output + first * tile.output_step;
#define QUANT_STORE(r) \
  if constexpr (r < kRows) store.Store(low##r, high##r, output + r * tile.output_step);
  QUANT_FOR_ROWS(QUANT_STORE)
#undef QUANT_STORE
}

template <int kWidth>
void RunWidth(const PanelTile<BytePanel>& tile) {
  if constexpr (kWidth > kTileStep) {
    if (tile.width < kWidth) return RunWidth<kWidth - kTileStep>(tile);
  }
  const StoreOf<kWidth> store(tile.store, tile.channels);
  for_rows<TileWidth<kWidth>::kTwo ? kPanelRows : 2 * kPanelRows>(
      tile.rows, [&](auto rows, std::int64_t first)
                     HWY_ATTR { RunRows<decltype(rows)::value, kWidth>(tile, store, first); });
}

const PanelKernel<BytePanel>* Kernel() {
  static constexpr PanelKernel<BytePanel> kernel{
      .isa = kDotProductIsa,
      .tile = kTile,
      .step = kTileStep,
      .merged = kLanes,  // what is requantized at a time
      .channel_order = NarrowChannelOrder,
      .widen = CopyRuns<BytePanel>,
      .run = RunWidth<kTile>,
      .offset = kFactorOffset,
  };
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<BytePanel>* panel_kernel<BytePanel>(Isa isa, DataType, DataType) {
  QUANT_SIMD_SELECT_DOT(isa, Kernel());
}

}  // namespace quant::integer
#endif  // HWY_ONCE
