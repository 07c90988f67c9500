// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/depthwise_kernel.h"

#include <cstring>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/depthwise_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Blocks of kWidth channels with kPairs pairs of taps known to the compiler (0: any). Bytes are
// interleaved tap by tap and widened by interleaving with zeros, always inside 16-byte blocks: on
// AVX2 that costs half of what conversions across the vector do.
template <int kWidth, int kPairs>
class Runner {
 public:
  HWY_INLINE explicit Runner(const DepthwiseRun& run)
      : highest_(hn::Set(DF(), run.range.highest)),
        zero_point_(hn::Set(D16(), static_cast<std::int16_t>(run.range.zero_point))),
        lowest_(hn::Set(D8(), run.range.lowest_level())),
        in_step_(run.in_step),
        out_step_(run.out_step),
        stored_(run.channels),
        pairs_(run.groups),
        taps_(run.taps) {
    // Stores of bytes may alias anything: what the loop reads is held here.
    for (int tap = 0; tap < 2 * kPairs; ++tap) fixed_taps_[tap] = run.taps[tap];
  }

  // One block of kPixels pixels.
  template <int kPixels>
  HWY_INLINE void Run(const DepthwiseBlock& block, std::int64_t at, std::uint8_t* output) const {
    Sums sums0;
    Sums sums1;
    if constexpr (kPairs == 0) {
      for (std::int64_t pair = 0; pair < pairs_; ++pair) {
        Step<kPixels>(block, pair, at + block.channel, sums0, sums1);
      }
    } else {
      Steps<kPixels, 0>(block, at + block.channel, sums0, sums1);
    }
    Store(block, sums0, output + block.channel);
    if constexpr (kPixels == 2) Store(block, sums1, output + out_step_ + block.channel);
  }

 private:
  using D8 = hn::CappedTag<std::uint8_t, kWidth>;
  using D16 = hn::Repartition<std::int16_t, D8>;
  using D32 = hn::Repartition<std::int32_t, D8>;
  using DF = hn::RebindToFloat<D32>;
  using V8 = hn::Vec<D8>;
  using V16 = hn::Vec<D16>;
  using V32 = hn::Vec<D32>;
  static constexpr std::int64_t kPart = kWidth / 4;

  struct Sums {
    // A constructor that the compiler writes would not be compiled for the target.
    HWY_INLINE Sums()
        : sum0(hn::Zero(D32())),
          odd0(sum0),
          sum1(sum0),
          odd1(sum0),
          sum2(sum0),
          odd2(sum0),
          sum3(sum0),
          odd3(sum0) {}
    V32 sum0, odd0, sum1, odd1, sum2, odd2, sum3, odd3;
  };

  HWY_INLINE const std::uint8_t* Tap(std::int64_t tap) const {
    if constexpr (kPairs == 0) return taps_[tap];
    return fixed_taps_[tap];
  }

  static HWY_INLINE V32 Accumulate(V8 bytes, const std::int16_t* weights, V32 sum, V32& odd) {
    const D16 d16;
    return hn::ReorderWidenMulAccumulate(D32(), hn::BitCast(d16, bytes), hn::LoadU(d16, weights),
                                         sum, odd);
  }

  static HWY_INLINE void AccumulatePair(const std::uint8_t* first, const std::uint8_t* second,
                                        const std::int16_t* weights, Sums& sums) {
    const D8 d8;
    const V8 a = hn::LoadU(d8, first);
    const V8 b = hn::LoadU(d8, second);
    const V8 low = hn::InterleaveLower(d8, a, b);
    const V8 high = hn::InterleaveUpper(d8, a, b);
    const V8 zero = hn::Zero(d8);
    sums.sum0 = Accumulate(hn::InterleaveLower(d8, low, zero), weights, sums.sum0, sums.odd0);
    sums.sum1 =
        Accumulate(hn::InterleaveUpper(d8, low, zero), weights + 2 * kPart, sums.sum1, sums.odd1);
    sums.sum2 =
        Accumulate(hn::InterleaveLower(d8, high, zero), weights + 4 * kPart, sums.sum2, sums.odd2);
    sums.sum3 =
        Accumulate(hn::InterleaveUpper(d8, high, zero), weights + 6 * kPart, sums.sum3, sums.odd3);
    MakeOpaque(sums.sum0);
    MakeOpaque(sums.sum1);
    MakeOpaque(sums.sum2);
    MakeOpaque(sums.sum3);
  }

  // Pair `pair` for one pixel, or for two that share its weights and addresses.
  template <int kPixels>
  HWY_INLINE void Step(const DepthwiseBlock& block, std::int64_t pair, std::int64_t at, Sums& sums0,
                       Sums& sums1) const {
    const std::uint8_t* first = Tap(2 * pair) + at;
    const std::uint8_t* second = Tap(2 * pair + 1) + at;
    const std::int16_t* weights =
        static_cast<const std::int16_t*>(block.weights) + 2 * pair * kWidth;
    AccumulatePair(first, second, weights, sums0);
    if constexpr (kPixels == 2) AccumulatePair(first + in_step_, second + in_step_, weights, sums1);
  }

  // A loop over five pairs spends a third of its instructions on itself: written out instead.
  template <int kPixels, int kPair>
  HWY_INLINE void Steps(const DepthwiseBlock& block, std::int64_t at, Sums& sums0,
                        Sums& sums1) const {
    if constexpr (kPair < kPairs) {
      Step<kPixels>(block, kPair, at, sums0, sums1);
      Steps<kPixels, kPair + 1>(block, at, sums0, sums1);
    }
  }

  HWY_INLINE V32 Finish(const DepthwiseBlock& block, int part, V32 sum, V32 odd) const {
    const D32 d32;
    const hn::RebindToFloat<D32> df;
    const V32 joined =
        hn::Add(hn::RearrangeToOddPlusEven(sum, odd), hn::LoadU(d32, block.bias + part * kPart));
    return RoundProducts(joined, hn::LoadU(df, block.multipliers + part * kPart), highest_);
  }

  HWY_INLINE void Store(const DepthwiseBlock& block, const Sums& sums, std::uint8_t* output) const {
    const D8 d8;
    const D16 d16;
    const V16 low = hn::ReorderDemote2To(d16, Finish(block, 0, sums.sum0, sums.odd0),
                                         Finish(block, 1, sums.sum1, sums.odd1));
    const V16 high = hn::ReorderDemote2To(d16, Finish(block, 2, sums.sum2, sums.odd2),
                                          Finish(block, 3, sums.sum3, sums.odd3));
    const V8 bytes =
        hn::Max(PackBytes(hn::SaturatedAdd(low, zero_point_), hn::SaturatedAdd(high, zero_point_)),
                lowest_);
    if (stored_ >= kWidth) {
      hn::StoreU(bytes, d8, output);
    } else {
      HWY_ALIGN std::uint8_t part[kWidth];
      hn::Store(bytes, d8, part);
      std::memcpy(output, part, static_cast<std::size_t>(stored_));
    }
  }

  hn::Vec<DF> highest_;
  V16 zero_point_;
  V8 lowest_;
  std::int64_t in_step_;
  std::int64_t out_step_;
  std::int64_t stored_;
  std::int64_t pairs_;
  const std::uint8_t* const* taps_;
  const std::uint8_t* fixed_taps_[kPairs == 0 ? 1 : 2 * kPairs];
};

constexpr int kNarrow = 16;
constexpr int kWide = hn::MaxLanes(hn::ScalableTag<std::uint8_t>());

template <int kPixels, int kPairs>
HWY_INLINE void RunBlocks(const DepthwiseRun& run, const Runner<kWide, kPairs>& wide,
                          const Runner<kNarrow, kPairs>& narrow, std::int64_t pixel) {
  const std::int64_t at = pixel * run.in_step;
  std::uint8_t* output = run.output + pixel * run.out_step;
  for (std::int64_t i = 0; i < run.block_count; ++i) {
    const DepthwiseBlock block = run.blocks[i];
    if (block.width == kWide) {
      wide.template Run<kPixels>(block, at, output);
    } else {
      narrow.template Run<kPixels>(block, at, output);
    }
  }
}

template <int kPairs>
void RunPixels(const DepthwiseRun& run) {
  const Runner<kWide, kPairs> wide(run);
  const Runner<kNarrow, kPairs> narrow(run);
  std::int64_t pixel = 0;
  for (; pixel + 2 <= run.pixels; pixel += 2) RunBlocks<2>(run, wide, narrow, pixel);
  if (pixel < run.pixels) RunBlocks<1>(run, wide, narrow, pixel);
}

void Run(const DepthwiseRun& run) {
  if (run.groups == 5) return RunPixels<5>(run);  // 3×3
  RunPixels<0>(run);
}

const DepthwiseKernel* Kernel() {
  static constexpr DepthwiseKernel kernel{isa_of_target(HWY_TARGET), kNarrow, kWide, 2, Run};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

const DepthwiseKernel* depthwise_kernel(Isa isa) { QUANT_SIMD_SELECT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
