// SPDX-License-Identifier: MIT
// NarrowPanel's micro-kernel.
#include "quant/kernels/integer/panel_kernel.h"

#include <cstring>

#include "quant/kernels/integer/panel_rows.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/narrow_store_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve accumulators and two weight vectors fill AVX2's sixteen registers. Named, not an array:
// compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_PANEL_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)

HWY_INLINE V32 LoadPair(D32 d32, const std::int16_t* pair) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return hn::Set(d32, both);
}

constexpr bool kOneSum = HWY_ARCH_X86;
HWY_INLINE V32 Before(V32 bias) { return kOneSum ? bias : hn::Zero(D32()); }
HWY_INLINE V32 Joined(V32 sum, V32 odd, V32 bias) {
  const V32 joined = hn::RearrangeToOddPlusEven(sum, odd);
  return kOneSum ? joined : hn::Add(joined, bias);
}

// kVectors: 2 for a whole tile, 1 for a half. Inlined into a loop, GCC spills addresses. Aligned,
// since the loop takes up to 8 % longer where it happens to touch one more line of the code's
// cache.
template <int kRows, int kVectors>
HWY_NOINLINE __attribute__((aligned(64))) void RunRows(const PanelTile<NarrowPanel>& tile,
                                                       const NarrowStore<kVectors * kLanes>& store,
                                                       std::int64_t first) {
  const D32 d32;
  const D16 d16;
  const std::int64_t stride = tile.row_stride;
  const std::int16_t* rows = tile.activations + first * stride;
  const std::int16_t* HWY_RESTRICT weights = tile.weights;
  const V32 bias_low = hn::LoadU(d32, tile.bias);
  [[maybe_unused]] const V32 bias_high =
      kVectors == 2 ? hn::LoadU(d32, tile.bias + kLanes) : bias_low;
  // Highway sums a pair's two products in one vector (x86), which can begin with the bias, or in
  // two whose lanes are no channels (NEON): both are kept and joined last.
#define QUANT_DECLARE(r)                                                      \
  [[maybe_unused]] V32 low##r = Before(bias_low), low_odd##r = hn::Zero(d32); \
  [[maybe_unused]] V32 high##r = Before(bias_high), high_odd##r = hn::Zero(d32);
  QUANT_FOR_PANEL_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const std::int16_t* HWY_RESTRICT a0 = rows + tile.run_offsets[run];
    const std::int16_t* HWY_RESTRICT a3 = a0 + 3 * stride;
    for (std::int64_t step = 0; step < tile.run_steps; ++step) {
      const auto w_low = hn::LoadU(d16, weights);
      [[maybe_unused]] const auto w_high =
          kVectors == 2 ? hn::LoadU(d16, weights + 2 * kLanes) : w_low;
      weights += 2 * kVectors * kLanes;
#define QUANT_ACCUMULATE(r)                                                          \
  if constexpr (r < kRows) {                                                         \
    const auto* pair = r < 3 ? a0 + r * stride : a3 + (r - 3) * stride;              \
    const auto x = hn::BitCast(d16, LoadPair(d32, pair));                            \
    low##r = hn::ReorderWidenMulAccumulate(d32, x, w_low, low##r, low_odd##r);       \
    if constexpr (kVectors == 2) {                                                   \
      high##r = hn::ReorderWidenMulAccumulate(d32, x, w_high, high##r, high_odd##r); \
    }                                                                                \
  }
      QUANT_FOR_PANEL_ROWS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
      a0 += 2;
      a3 += 2;
    }
  }
#define QUANT_MAKE_OPAQUE(r) \
  if constexpr (r < kRows) { \
    MakeOpaque(low##r);      \
    MakeOpaque(high##r);     \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_MAKE_OPAQUE)
#undef QUANT_MAKE_OPAQUE
  std::byte* const output = tile.output + first * tile.output_step;
#define QUANT_STORE(r)                                                                         \
  if constexpr (r < kRows) {                                                                   \
    store.Store(Joined(low##r, low_odd##r, bias_low), Joined(high##r, high_odd##r, bias_high), \
                output + r * tile.output_step);                                                \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_STORE)
#undef QUANT_STORE
}

template <int kVectors>
void RunPanels(const PanelTile<NarrowPanel>& tile) {
  const NarrowStore<kVectors * kLanes> store(tile.store, tile.channels);
  for_rows<kPanelRows>(tile.rows, [&](auto rows, std::int64_t first) HWY_ATTR {
    RunRows<decltype(rows)::value, kVectors>(tile, store, first);
  });
}

void Run(const PanelTile<NarrowPanel>& tile) {
  if (tile.width == kTile) return RunPanels<2>(tile);
  RunPanels<1>(tile);
}

// Runs shorter than a vector are common (3 channels × 3 taps): halving vectors that overlap at the
// end cover any length ≥ 4 without reading past it.
template <int kWidth>
HWY_INLINE void WidenRun(const std::uint8_t* in, std::int64_t length, std::int16_t* out) {
  const hn::CappedTag<std::int16_t, kWidth> d16;
  const hn::Rebind<std::uint8_t, decltype(d16)> d8;
  constexpr std::int64_t kStep = hn::MaxLanes(d16);
  if (length >= kStep) {
    std::int64_t i = 0;
    for (; i + kStep <= length; i += kStep) {
      hn::StoreU(hn::PromoteTo(d16, hn::LoadU(d8, in + i)), d16, out + i);
    }
    if (i < length) {
      i = length - kStep;
      hn::StoreU(hn::PromoteTo(d16, hn::LoadU(d8, in + i)), d16, out + i);
    }
    return;
  }
  if constexpr (kWidth > 4) {
    WidenRun<kWidth / 2>(in, length, out);
  } else {
    for (std::int64_t i = 0; i < length; ++i) out[i] = in[i];
  }
}

void Widen(const WidenJob<NarrowPanel>& job) {
  const auto* source = static_cast<const std::uint8_t*>(job.source);
  if (job.dense()) return WidenRun<32>(source, job.pixels * job.length, job.out);
  for (std::int64_t pixel = 0; pixel < job.pixels; ++pixel)
    WidenRun<32>(source + pixel * job.pixel_step, job.length, job.out + pixel * job.out_step);
}

const PanelKernel<NarrowPanel>* Kernel() {
  static constexpr PanelKernel<NarrowPanel> kernel{
      .isa = isa_of_target(HWY_TARGET),
      .tile = kTile,
      .step = kTile / 2,
      .merged = kTile / 2,
      .channel_order = NarrowChannelOrder,
      .widen = Widen,
      .run = Run,
  };
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<NarrowPanel>* panel_kernel<NarrowPanel>(Isa isa, DataType, DataType) {
  QUANT_SIMD_SELECT(isa, Kernel());
}

}  // namespace quant::integer
#endif  // HWY_ONCE
