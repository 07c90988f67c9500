// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/wide_depthwise_kernel.h"

#include <cstring>
#include <type_traits>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/wide_depthwise_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kWidest = static_cast<int>(hn::MaxLanes(hn::ScalableTag<std::int16_t>()));

// An activation is 256·h + l; Σ l·w and Σ h·w are taken in int32, pair by pair of taps, and joined
// in double, exactly.
template <int kWidth, typename In, typename Out>
class Runner {
 public:
  HWY_INLINE Runner(const WideDepthwiseRun& run, const WideDepthwiseBlock& block)
      : run_(run), block_(block), taps_(reinterpret_cast<const In* const*>(run.taps)) {}

  // kPairs: of taps, 0 for any number.
  template <int kPairs>
  HWY_INLINE void Run(std::int64_t pixel) const {
    const std::int64_t at = pixel * run_.in_step + block_.channel;
    Sums lower;
    Sums upper;
    if constexpr (kPairs == 0) {
      for (std::int64_t pair = 0; pair < run_.pairs; ++pair) Step(pair, at, lower, upper);
    } else {
      Steps<kPairs, 0>(at, lower, upper);
    }
    Store(Levels(lower, 0), Levels(upper, kWidth / 2),
          static_cast<Out*>(run_.output) + pixel * run_.out_step + block_.channel);
  }

 private:
  using D16 = hn::CappedTag<std::int16_t, kWidth>;
  using D32 = hn::Repartition<std::int32_t, D16>;
  using DHalf = hn::Half<D32>;
  using DReal = hn::Rebind<double, DHalf>;
  using V16 = hn::Vec<D16>;
  using V32 = hn::Vec<D32>;

  // Of half of the channels. Where an instruction leaves a pair's products apart, `odd` has the
  // other ones.
  struct Sums {
    // A constructor that the compiler writes would not be compiled for the target.
    HWY_INLINE Sums() : low(hn::Zero(D32())), low_odd(low), high(low), high_odd(low) {}
    HWY_INLINE void Add(V16 activations, V16 weights) {
      const D16 d16;
      const D32 d32;
      const hn::RebindToUnsigned<D16> du16;
      const V16 l = hn::And(activations, hn::Set(d16, std::int16_t{255}));
      const V16 h = hn::BitCast(d16, hn::ShiftRight<8>(hn::BitCast(du16, activations)));
      low = hn::ReorderWidenMulAccumulate(d32, l, weights, low, low_odd);
      high = hn::ReorderWidenMulAccumulate(d32, h, weights, high, high_odd);
      MakeOpaque(low);
      MakeOpaque(high);
    }
    V32 low, low_odd, high, high_odd;
  };

  HWY_INLINE V16 Load(const In* in) const {
    const D16 d16;
    if constexpr (kWidth == 8) {
      if (block_.count < kWidth) {
        HWY_ALIGN std::int16_t some[8] = {};
        for (std::int64_t i = 0; i < block_.count; ++i) some[i] = static_cast<std::int16_t>(in[i]);
        return hn::Load(d16, some);
      }
    }
    const hn::RebindToUnsigned<D16> du16;
    if constexpr (sizeof(In) == 1) {
      return hn::PromoteTo(d16, hn::LoadU(hn::Rebind<std::uint8_t, D16>(), in));
    } else {
      return hn::BitCast(d16, hn::LoadU(du16, in));
    }
  }

  HWY_INLINE void Step(std::int64_t pair, std::int64_t at, Sums& lower, Sums& upper) const {
    const D16 d16;
    const V16 first = Load(taps_[2 * pair] + at);
    const V16 second = Load(taps_[2 * pair + 1] + at);
    const std::int16_t* weights = block_.weights + 2 * pair * kWidth;
    lower.Add(hn::InterleaveLower(d16, first, second), hn::LoadU(d16, weights));
    upper.Add(hn::InterleaveUpper(d16, first, second), hn::LoadU(d16, weights + kWidth));
  }
  template <int kPairs, int kPair>
  HWY_INLINE void Steps(std::int64_t at, Sums& lower, Sums& upper) const {
    if constexpr (kPair < kPairs) {
      Step(kPair, at, lower, upper);
      Steps<kPairs, kPair + 1>(at, lower, upper);
    }
  }

  // Of half of the channels, from lane `lane` on.
  HWY_INLINE V32 Levels(const Sums& sums, int lane) const {
    const DHalf half;
    const V32 low = hn::RearrangeToOddPlusEven(sums.low, sums.low_odd);
    const V32 high = hn::RearrangeToOddPlusEven(sums.high, sums.high_odd);
    return hn::Combine(
        D32(), Quarter(hn::UpperHalf(half, low), hn::UpperHalf(half, high), lane + kWidth / 4),
        Quarter(hn::LowerHalf(half, low), hn::LowerHalf(half, high), lane));
  }
  HWY_INLINE hn::Vec<DHalf> Quarter(hn::Vec<DHalf> low, hn::Vec<DHalf> high, int lane) const {
    const DReal d;
    const WideStoreConstants<DReal> constants(
        block_.store.lowest + lane, block_.store.highest + lane, block_.store.zero_points + lane);
    const auto sum = hn::MulAdd(hn::PromoteTo(d, high), hn::Set(d, 256.0), hn::PromoteTo(d, low));
    const auto biased = hn::Add(sum, hn::LoadU(d, block_.bias + lane));
    return RoundToOutput<DReal>(hn::Mul(biased, hn::LoadU(d, block_.store.multipliers + lane)),
                                constants);
  }

  HWY_INLINE void Store(V32 lower, V32 upper, Out* output) const {
    const D16 d16;
    if constexpr (sizeof(Out) == 1) {
      const hn::Rebind<std::uint8_t, D16> d8;
      StoreSome(d8, hn::DemoteTo(d8, hn::ReorderDemote2To(d16, lower, upper)), output);
    } else {
      // Packing saturates to signed words.
      const auto middle = hn::Set(D32(), 1 << 15);
      const auto words = hn::ReorderDemote2To(d16, hn::Sub(lower, middle), hn::Sub(upper, middle));
      const hn::RebindToUnsigned<D16> du16;
      StoreSome(du16, hn::BitCast(du16, hn::Xor(words, hn::Set(d16, std::int16_t{-32768}))),
                output);
    }
  }
  template <class D>
  HWY_INLINE void StoreSome(D d, hn::Vec<D> levels, Out* output) const {
    if (kWidth > 8 || block_.count == kWidth) return hn::StoreU(levels, d, output);
    HWY_ALIGN Out part[kWidth];
    hn::Store(levels, d, part);
    std::memcpy(output, part, static_cast<std::size_t>(block_.count) * sizeof(Out));
  }

  // Copies: what is stored may alias anything.
  const WideDepthwiseRun run_;
  const WideDepthwiseBlock block_;
  const In* const* taps_;
};

template <int kWidth, typename In, typename Out>
void RunPixels(const WideDepthwiseRun& run, const WideDepthwiseBlock& block) {
  const Runner<kWidth, In, Out> runner(run, block);
  const auto run_pixels = [&](auto pairs) HWY_ATTR {
    for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel)
      runner.template Run<decltype(pairs)::value>(pixel);
  };
  if (run.pairs == 5) return run_pixels(std::integral_constant<int, 5>());    // 3×3
  if (run.pairs == 13) return run_pixels(std::integral_constant<int, 13>());  // 5×5
  run_pixels(std::integral_constant<int, 0>());
}

template <int kWidth, typename In, typename Out>
void RunWidth(const WideDepthwiseRun& run, const WideDepthwiseBlock& block) {
  if constexpr (kWidth > 8) {
    if (block.width < kWidth) return RunWidth<kWidth / 2, In, Out>(run, block);
  }
  RunPixels<kWidth, In, Out>(run, block);
}

template <typename In, typename Out>
const WideDepthwiseKernel* KernelOf() {
  static constexpr WideDepthwiseKernel kernel{isa_of_target(HWY_TARGET), kWidest,
                                              RunWidth<kWidest, In, Out>};
  return &kernel;
}

const WideDepthwiseKernel* Kernel(DataType input, DataType output) {
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

const WideDepthwiseKernel* wide_depthwise_kernel(Isa isa, DataType input, DataType output) {
  QUANT_SIMD_SELECT(isa, Kernel(input, output));
}

}  // namespace quant::integer
#endif  // HWY_ONCE
