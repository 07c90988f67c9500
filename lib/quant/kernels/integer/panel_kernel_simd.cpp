// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/panel_kernel.h"

#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/opaque_simd-inl.h"
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

// Twelve accumulators and two weight vectors fill AVX2's sixteen registers. Named, not an array:
// compilers keep arrays of vectors in memory now and then.
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

// From the sums of one row to its bytes.
template <int kVectors>
class Finisher {
 public:
  HWY_INLINE explicit Finisher(const PanelTile<NarrowPanel>& tile)
      : low_(tile, 0), high_(tile, kVectors == 2 ? kLanes : 0), channels_(tile.channels) {}

  HWY_INLINE void Store(V32 low, [[maybe_unused]] V32 high, std::byte* output) const {
    const V32 q_low = low_.Requantize(low);
    if constexpr (kVectors == 2) {
      StoreBytes(hn::Rebind<std::uint8_t, D16>(), ToBytes(q_low, high_.Requantize(high)),
                 reinterpret_cast<std::uint8_t*>(output));
    } else {
      const hn::Rebind<std::uint8_t, D32> d8;
      StoreBytes(d8, hn::DemoteTo(d8, q_low), reinterpret_cast<std::uint8_t*>(output));
    }
  }

 private:
  struct Lanes {
    StoreConstants<D32> constants;
    V32 bias;
    hn::Vec<DF> multiplier;
    HWY_INLINE Lanes(const PanelTile<NarrowPanel>& tile, int first)
        : constants(tile.store.lowest + first, tile.store.highest + first,
                    tile.store.zero_points + first),
          bias(hn::LoadU(D32(), tile.bias + first)),
          multiplier(hn::LoadU(DF(), tile.store.multipliers + first)) {}
    HWY_INLINE V32 Requantize(V32 sum) const {
      return RequantizeVector(D32(), hn::Add(sum, bias), multiplier, constants);
    }
  };

  template <class D8>
  HWY_INLINE void StoreBytes(D8 d8, hn::Vec<D8> bytes, std::uint8_t* output) const {
    if (channels_ == kVectors * kLanes) {
      hn::StoreU(bytes, d8, output);
    } else {
      HWY_ALIGN std::uint8_t part[kVectors * kLanes];
      hn::Store(bytes, d8, part);
      std::memcpy(output, part, static_cast<std::size_t>(channels_));
    }
  }

  Lanes low_, high_;
  int channels_;
};

// kVectors: 2 for a whole tile, 1 for a half.
template <int kRows, int kVectors>
void RunRows(const PanelTile<NarrowPanel>& tile, std::int64_t first) {
  const D32 d32;
  const D16 d16;
  const std::int64_t stride = tile.row_stride;
  const std::int16_t* HWY_RESTRICT a = tile.activations + first * stride;
  std::byte* const* outputs = tile.outputs + first;
  const std::int16_t* HWY_RESTRICT weights = tile.weights;
  // Highway sums a pair's two products in one vector (x86) or in two (NEON): both are kept and
  // joined last.
#define QUANT_DECLARE(r)                                                   \
  [[maybe_unused]] V32 low##r = hn::Zero(d32), low_odd##r = hn::Zero(d32); \
  [[maybe_unused]] V32 high##r = hn::Zero(d32), high_odd##r = hn::Zero(d32);
  QUANT_FOR_PANEL_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t pair = 0; pair < tile.steps; ++pair) {
    const auto w_low = hn::LoadU(d16, weights);
    [[maybe_unused]] const auto w_high =
        kVectors == 2 ? hn::LoadU(d16, weights + 2 * kLanes) : hn::Zero(d16);
    weights += 2 * kVectors * kLanes;
#define QUANT_ACCUMULATE(r)                                                          \
  if constexpr (r < kRows) {                                                         \
    const auto x = hn::BitCast(d16, LoadPair(d32, a + r * stride));                  \
    low##r = hn::ReorderWidenMulAccumulate(d32, x, w_low, low##r, low_odd##r);       \
    if constexpr (kVectors == 2) {                                                   \
      high##r = hn::ReorderWidenMulAccumulate(d32, x, w_high, high##r, high_odd##r); \
    }                                                                                \
  }
    QUANT_FOR_PANEL_ROWS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
    a += 2;
  }
#define QUANT_MAKE_OPAQUE(r) \
  if constexpr (r < kRows) { \
    MakeOpaque(low##r);      \
    MakeOpaque(high##r);     \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_MAKE_OPAQUE)
#undef QUANT_MAKE_OPAQUE
  const Finisher<kVectors> finish(tile);
#define QUANT_STORE(r)                                                          \
  if constexpr (r < kRows) {                                                    \
    finish.Store(hn::RearrangeToOddPlusEven(low##r, low_odd##r),                \
                 hn::RearrangeToOddPlusEven(high##r, high_odd##r), outputs[r]); \
  }
  QUANT_FOR_PANEL_ROWS(QUANT_STORE)
#undef QUANT_STORE
}

template <int kVectors>
void RunPanels(const PanelTile<NarrowPanel>& tile) {
  std::int64_t first = 0;
  for (; first + kPanelRows <= tile.rows; first += kPanelRows) {
    RunRows<kPanelRows, kVectors>(tile, first);
  }
  switch (tile.rows - first) {
    case 1:
      return RunRows<1, kVectors>(tile, first);
    case 2:
      return RunRows<2, kVectors>(tile, first);
    case 3:
      return RunRows<3, kVectors>(tile, first);
    case 4:
      return RunRows<4, kVectors>(tile, first);
    case 5:
      return RunRows<5, kVectors>(tile, first);
  }
}

void Run(const PanelTile<NarrowPanel>& tile) {
  if (tile.width == kTile) return RunPanels<2>(tile);
  RunPanels<1>(tile);
}

void ChannelOrder(std::int32_t* order) {
  const D32 d32;
  const hn::Rebind<std::uint8_t, D16> d8;
  HWY_ALIGN std::uint8_t channel_of_lane[kTile];
  hn::Store(ToBytes(hn::Iota(d32, 0), hn::Iota(d32, kLanes)), d8, channel_of_lane);
  for (int channel = 0; channel < kTile; ++channel) order[channel_of_lane[channel]] = channel;
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
  const auto* start = static_cast<const std::uint8_t*>(job.source);
  if (job.runs == 1 && job.pixel_step == job.length && job.out_stride == job.length) {
    WidenRun<32>(start + job.offsets[0], job.pixels * job.length, job.out);
    return;
  }
  for (std::int64_t pixel = 0; pixel < job.pixels; ++pixel) {
    const std::uint8_t* source = start + pixel * job.pixel_step;
    std::int16_t* out = job.out + pixel * job.out_stride;
    for (std::int64_t run = 0; run < job.runs; ++run) {
      WidenRun<32>(source + job.offsets[run], job.length, out);
      out += job.length;
    }
  }
}

const PanelKernel<NarrowPanel>* Kernel() {
  static constexpr PanelKernel<NarrowPanel> kernel{isa_of_target(HWY_TARGET), kTile, ChannelOrder,
                                                   Widen, Run};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<NarrowPanel>* panel_kernel<NarrowPanel>(Isa isa, DataType, DataType) {
  QUANT_SIMD_SELECT(isa, Kernel());
}

}  // namespace quant::integer
#endif  // HWY_ONCE
