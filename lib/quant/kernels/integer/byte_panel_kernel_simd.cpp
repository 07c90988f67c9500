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

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// A half tile takes twice the rows, as its chains of sums would not hide the latency. Named, not an
// array: compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

// kVectors: 2 for a whole tile, 1 for a half.
template <int kRows, int kVectors>
void RunRows(const PanelTile<BytePanel>& tile, const NarrowStore<kVectors>& store,
             std::int64_t first) {
  constexpr std::int64_t kStepWeights = 4 * kVectors * kLanes;
  constexpr std::int64_t kHigh = kVectors == 2 ? 4 * kLanes : 0;
  const D32 d32;
  const std::int64_t stride = tile.row_stride;
  const std::uint8_t* rows = tile.activations + first * stride;
  const std::int8_t* HWY_RESTRICT weights = tile.weights;
  const V32 bias_low = hn::LoadU(d32, tile.bias);
  [[maybe_unused]] const V32 bias_high =
      kVectors == 2 ? hn::LoadU(d32, tile.bias + kLanes) : bias_low;
#define QUANT_DECLARE(r) [[maybe_unused]] V32 low##r = bias_low, high##r = bias_high;
  QUANT_FOR_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const std::uint8_t* HWY_RESTRICT a0 = rows + tile.run_offsets[run];
    const std::uint8_t* HWY_RESTRICT a6 = a0 + 6 * stride;
    std::int64_t left = tile.run_steps;
#define QUANT_ACCUMULATE(r)                                                            \
  if constexpr (r < kRows) {                                                           \
    const auto x = LoadSteps<kSteps>(r < 6 ? a0 + r * stride : a6 + (r - 6) * stride); \
    low##r = w_low.AddProducts(low##r, x);                                             \
    if constexpr (kVectors == 2) high##r = w_high.AddProducts(high##r, x);             \
  }
#define QUANT_WHILE_LEFT(steps)                                                       \
  for (constexpr int kSteps = steps; left >= kSteps; left -= kSteps) {                \
    const StepWeights<kSteps> w_low(weights, kStepWeights);                           \
    [[maybe_unused]] const StepWeights<kSteps> w_high(weights + kHigh, kStepWeights); \
    weights += kSteps * kStepWeights;                                                 \
    QUANT_FOR_ROWS(QUANT_ACCUMULATE)                                                  \
    a0 += 4 * kSteps;                                                                 \
    a6 += 4 * kSteps;                                                                 \
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

template <int kVectors>
void RunPanels(const PanelTile<BytePanel>& tile) {
  const NarrowStore<kVectors> store(tile.store, tile.channels);
  for_rows<kPanelRows * 2 / kVectors>(tile.rows, [&](auto rows, std::int64_t first) HWY_ATTR {
    RunRows<decltype(rows)::value, kVectors>(tile, store, first);
  });
}

void Run(const PanelTile<BytePanel>& tile) {
  if (tile.width == kTile) return RunPanels<2>(tile);
  RunPanels<1>(tile);
}

const PanelKernel<BytePanel>* Kernel() {
  static constexpr PanelKernel<BytePanel> kernel{
      kDotProductIsa,      kTile, kTile / 2,    NarrowChannelOrder,
      CopyRuns<BytePanel>, Run,   kFactorOffset};
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
