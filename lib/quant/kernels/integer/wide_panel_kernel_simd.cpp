// SPDX-License-Identifier: MIT
// WidePanel's micro-kernel.
#include "quant/kernels/integer/panel_kernel.h"

#include "quant/kernels/integer/panel_rows.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/wide_panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/wide_store_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kTile = 2 * kWideLanes;

// Named, not an array: compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_PANEL_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)

// kVectors: 2 for a whole tile, 1 for a half.
template <int kRows, int kVectors, typename Out>
void RunRows(const PanelTile<WidePanel>& tile, std::int64_t first) {
  const WideD d;
  const std::int64_t stride = tile.row_stride;
  const double* rows = tile.activations + first * stride;
  const float* HWY_RESTRICT weights = tile.weights;
#define QUANT_DECLARE(r) [[maybe_unused]] WideV low##r = hn::Zero(d), high##r = hn::Zero(d);
  QUANT_FOR_PANEL_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const double* HWY_RESTRICT a = rows + tile.run_offsets[run];
    for (std::int64_t step = 0; step < tile.run_steps; ++step) {
      const WideV w_low = hn::PromoteTo(d, hn::LoadU(WideDF(), weights));
      [[maybe_unused]] const WideV w_high =
          kVectors == 2 ? hn::PromoteTo(d, hn::LoadU(WideDF(), weights + kWideLanes)) : w_low;
      weights += kVectors * kWideLanes;
#define QUANT_ACCUMULATE(r)                                                \
  if constexpr (r < kRows) {                                               \
    const WideV x = hn::Set(d, a[r * stride]);                             \
    low##r = hn::MulAdd(x, w_low, low##r);                                 \
    if constexpr (kVectors == 2) high##r = hn::MulAdd(x, w_high, high##r); \
  }
      QUANT_FOR_PANEL_ROWS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
      ++a;
    }
  }
  const WideStore store_low(tile.bias, tile.store, 0);
  [[maybe_unused]] const WideStore store_high(tile.bias, tile.store,
                                              kVectors == 2 ? kWideLanes : 0);
  std::byte* const outputs = tile.output + first * tile.output_step;
#define QUANT_STORE(r)                                                            \
  if constexpr (r < kRows) {                                                      \
    Out* output = reinterpret_cast<Out*>(outputs + r * tile.output_step);         \
    store_low.Store(low##r, output, tile.channels);                               \
    if constexpr (kVectors == 2) {                                                \
      store_high.Store(high##r, output + kWideLanes, tile.channels - kWideLanes); \
    }                                                                             \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_STORE)
#undef QUANT_STORE
}

template <int kVectors, typename Out>
void RunPanels(const PanelTile<WidePanel>& tile) {
  for_rows<kPanelRows>(tile.rows, [&](auto rows, std::int64_t first) HWY_ATTR {
    RunRows<decltype(rows)::value, kVectors, Out>(tile, first);
  });
}

template <typename Out>
void Run(const PanelTile<WidePanel>& tile) {
  if (tile.width == kTile) return RunPanels<2, Out>(tile);
  RunPanels<1, Out>(tile);
}

void ChannelOrder(std::int32_t* order) {
  for (int channel = 0; channel < kTile; ++channel) order[channel] = channel;
}

template <typename In>
HWY_INLINE void WidenRun(const In* in, std::int64_t length, double* out) {
  std::int64_t i = 0;
  for (; i + kWideLanes <= length; i += kWideLanes) hn::StoreU(LoadWide(in + i), WideD(), out + i);
  for (; i < length; ++i) out[i] = in[i];
}

template <typename In>
void Widen(const WidenJob<WidePanel>& job) {
  const auto* source = static_cast<const In*>(job.source);
  if (job.dense()) return WidenRun(source, job.pixels * job.length, job.out);
  for (std::int64_t pixel = 0; pixel < job.pixels; ++pixel)
    WidenRun(source + pixel * job.pixel_step, job.length, job.out + pixel * job.out_step);
}

template <typename In, typename Out>
const PanelKernel<WidePanel>* KernelOf() {
  static constexpr PanelKernel<WidePanel> kernel{
      .isa = isa_of_target(HWY_TARGET),
      .tile = kTile,
      .step = kTile / 2,
      .merged = kTile / 2,
      .channel_order = ChannelOrder,
      .widen = Widen<In>,
      .run = Run<Out>,
  };
  return &kernel;
}

const PanelKernel<WidePanel>* Kernel(DataType input, DataType output) {
  if (input == DataType::kUint16) {
    return output == DataType::kUint16 ? KernelOf<std::uint16_t, std::uint16_t>()
                                       : KernelOf<std::uint16_t, std::uint8_t>();
  }
  return output == DataType::kUint16 ? KernelOf<std::uint8_t, std::uint16_t>()
                                     : KernelOf<std::uint8_t, std::uint8_t>();
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<WidePanel>* panel_kernel<WidePanel>(Isa isa, DataType input, DataType output) {
  QUANT_SIMD_SELECT(isa, Kernel(input, output));
}

}  // namespace quant::integer
#endif  // HWY_ONCE
