// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/panel_kernel.h"

#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/requantize_simd-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DF = hn::RebindToFloat<D32>;
using D16 = hn::Repartition<std::int16_t, D32>;
using V32 = hn::Vec<D32>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D32()));
constexpr int kTile = 2 * kLanes;

// Twelve accumulators and two weight vectors fill AVX2's sixteen registers. Named, not an array: compilers
// keep arrays of vectors in memory now and then.
#define QUANT_FOR_PANEL_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)

// The low tile half, then the high half, as bytes in channel order.
HWY_INLINE hn::Vec<hn::Rebind<std::uint8_t, D16>> ToBytes(V32 low, V32 high) {
  const D16 d16;
  const hn::Rebind<std::uint8_t, D16> d8;
  return hn::DemoteTo(d8, hn::ReorderDemote2To(d16, low, high));
}

HWY_INLINE V32 LoadPair(D32 d32, const std::int16_t* pair) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof both);
  return hn::Set(d32, both);
}

// Highway keeps integer vectors in one machine type and adds them in another. Where a sum is used after the
// loop, GCC then holds it twice, once per type, and spills half of the accumulators: twice the time. This
// makes the value opaque in between; it costs no instruction.
HWY_INLINE void Unify([[maybe_unused]] V32& sum) {
#if HWY_COMPILER_GCC && HWY_ARCH_X86
  __asm__("" : "+v"(sum.raw));
#endif
}

template <int kRows>
void RunRows(const PanelTile& tile, std::int64_t first) {
  const D32 d32;
  const DF df;
  const D16 d16;
  const hn::Rebind<std::uint8_t, D16> d8;
  const std::int64_t stride = tile.row_stride;
  const std::int16_t* HWY_RESTRICT a = tile.activations + first * stride;
  std::uint8_t* const* outputs = tile.outputs + first;
  const std::int16_t* HWY_RESTRICT weights = tile.weights;
  // Highway sums a pair's two products in one vector (x86) or in two (NEON): both are kept and joined last.
#define QUANT_DECLARE(r)                                                 \
  [[maybe_unused]] V32 low##r = hn::Zero(d32), low_odd##r = hn::Zero(d32); \
  [[maybe_unused]] V32 high##r = hn::Zero(d32), high_odd##r = hn::Zero(d32);
  QUANT_FOR_PANEL_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t pair = 0; pair < tile.pairs; ++pair) {
    const auto w_low = hn::LoadU(d16, weights);
    const auto w_high = hn::LoadU(d16, weights + 2 * kLanes);
    weights += 2 * kTile;
#define QUANT_ACCUMULATE(r)                                                          \
  if constexpr (r < kRows) {                                                         \
    const auto x = hn::BitCast(d16, LoadPair(d32, a + r * stride));                  \
    low##r = hn::ReorderWidenMulAccumulate(d32, x, w_low, low##r, low_odd##r);       \
    high##r = hn::ReorderWidenMulAccumulate(d32, x, w_high, high##r, high_odd##r);   \
  }
    QUANT_FOR_PANEL_ROWS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
    a += 2;
  }
#define QUANT_UNIFY(r)    \
  if constexpr (r < kRows) { \
    Unify(low##r);        \
    Unify(high##r);       \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_UNIFY)
#undef QUANT_UNIFY
  const StoreConstants<D32> constants(tile.range);
  const V32 bias_low = hn::LoadU(d32, tile.bias);
  const V32 bias_high = hn::LoadU(d32, tile.bias + kLanes);
  const auto multiplier_low = hn::LoadU(df, tile.multipliers);
  const auto multiplier_high = hn::LoadU(df, tile.multipliers + kLanes);
  const bool whole = tile.channels == kTile;
#define QUANT_STORE(r)                                                                      \
  if constexpr (r < kRows) {                                                                \
    const V32 sum_low = hn::RearrangeToOddPlusEven(low##r, low_odd##r);                     \
    const V32 sum_high = hn::RearrangeToOddPlusEven(high##r, high_odd##r);                  \
    const auto bytes = ToBytes(                                                             \
        RequantizeVector(d32, hn::Add(sum_low, bias_low), multiplier_low, constants),       \
        RequantizeVector(d32, hn::Add(sum_high, bias_high), multiplier_high, constants));   \
    if (whole) {                                                                            \
      hn::StoreU(bytes, d8, outputs[r]);                                               \
    } else {                                                                                \
      HWY_ALIGN std::uint8_t part[kTile];                                                   \
      hn::Store(bytes, d8, part);                                                           \
      std::memcpy(outputs[r], part, static_cast<std::size_t>(tile.channels));          \
    }                                                                                       \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_STORE)
#undef QUANT_STORE
}

void Run(const PanelTile& tile) {
  std::int64_t first = 0;
  for (; first + kPanelRows <= tile.rows; first += kPanelRows) RunRows<kPanelRows>(tile, first);
  switch (tile.rows - first) {
    case 1:
      return RunRows<1>(tile, first);
    case 2:
      return RunRows<2>(tile, first);
    case 3:
      return RunRows<3>(tile, first);
    case 4:
      return RunRows<4>(tile, first);
    case 5:
      return RunRows<5>(tile, first);
  }
}

void ChannelOrder(std::int32_t* order) {
  const D32 d32;
  const hn::Rebind<std::uint8_t, D16> d8;
  HWY_ALIGN std::uint8_t channel_of_lane[kTile];
  hn::Store(ToBytes(hn::Iota(d32, 0), hn::Iota(d32, kLanes)), d8, channel_of_lane);
  for (int channel = 0; channel < kTile; ++channel) order[channel_of_lane[channel]] = channel;
}

// Runs shorter than a vector are common (3 channels × 3 taps): halving vectors that overlap at the end cover
// any length ≥ 4 without reading past it.
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

void Widen(const WidenJob& job) {
  if (job.runs == 1 && job.pixel_step == job.length && job.out_stride == job.length) {
    WidenRun<32>(job.source + job.offsets[0], job.pixels * job.length, job.out);
    return;
  }
  for (std::int64_t pixel = 0; pixel < job.pixels; ++pixel) {
    const std::uint8_t* source = job.source + pixel * job.pixel_step;
    std::int16_t* out = job.out + pixel * job.out_stride;
    for (std::int64_t run = 0; run < job.runs; ++run) {
      WidenRun<32>(source + job.offsets[run], job.length, out);
      out += job.length;
    }
  }
}

const PanelKernel* Kernel() {
  static constexpr PanelKernel kernel{isa_of_target(HWY_TARGET), kTile, ChannelOrder, Widen, Run};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#if HWY_ONCE
namespace quant::integer {

const PanelKernel* panel_kernel(Isa isa) { QUANT_SIMD_SELECT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
