// SPDX-License-Identifier: MIT
// The depthwise micro-kernel for the CPUs that have 8-bit dot products: four taps at once, bytes
// used as they lie.
#include <algorithm>
#include <cstring>

#include "quant/kernels/integer/depthwise_kernel.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/byte_depthwise_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/requantize_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kWide = hn::MaxLanes(hn::ScalableTag<std::uint8_t>());
// A pixel of few channels would leave half of a wider one idle.
constexpr std::int64_t kNarrow = std::min<std::int64_t>(32, kWide);
constexpr int kDepth = 4;

template <std::int64_t kWidth>
using Bytes = hn::CappedTag<std::uint8_t, kWidth>;
template <std::int64_t kWidth>
using VBytes = hn::Vec<Bytes<kWidth>>;

// Four taps of every channel, in four vectors: the packed order of DepthwiseBlock.
template <std::int64_t kWidth>
struct Quads {
  using V8 = VBytes<kWidth>;
  V8 part0, part1, part2, part3;
  HWY_INLINE Quads(V8 a, V8 b, V8 c, V8 d) {
    const Bytes<kWidth> d8;
    const hn::Repartition<std::int16_t, Bytes<kWidth>> d16;
    const auto ab_low = hn::BitCast(d16, hn::InterleaveLower(d8, a, b));
    const auto ab_high = hn::BitCast(d16, hn::InterleaveUpper(d8, a, b));
    const auto cd_low = hn::BitCast(d16, hn::InterleaveLower(d8, c, d));
    const auto cd_high = hn::BitCast(d16, hn::InterleaveUpper(d8, c, d));
    part0 = hn::BitCast(d8, hn::InterleaveLower(d16, ab_low, cd_low));
    part1 = hn::BitCast(d8, hn::InterleaveUpper(d16, ab_low, cd_low));
    part2 = hn::BitCast(d8, hn::InterleaveLower(d16, ab_high, cd_high));
    part3 = hn::BitCast(d8, hn::InterleaveUpper(d16, ab_high, cd_high));
  }
};

// One block over the pixels of a run.
template <std::int64_t kWidth>
class Runner {
 public:
  HWY_INLINE Runner(const DepthwiseRun& run, const DepthwiseBlock& block)
      : weights_(static_cast<const std::int8_t*>(block.weights)),
        bias_(block.bias),
        multipliers_(block.multipliers),
        highest_(hn::Set(DF(), run.range.highest)),
        zero_point_(hn::Set(D16(), static_cast<std::int16_t>(run.range.zero_point))),
        lowest_(hn::Set(D8(), run.range.lowest_level())),
        stored_(run.channels - block.channel) {}

  HWY_INLINE void Begin() {
    const D32 d32;
    sum0_ = hn::LoadU(d32, bias_);
    sum1_ = hn::LoadU(d32, bias_ + kPart);
    sum2_ = hn::LoadU(d32, bias_ + 2 * kPart);
    sum3_ = hn::LoadU(d32, bias_ + 3 * kPart);
  }

  HWY_INLINE void Add(const Quads<kWidth>& quads, std::int64_t group) {
    const D8s d8s;
    const std::int8_t* weights = weights_ + group * kDepth * kWidth;
    sum0_ = AddDotProducts(sum0_, quads.part0, hn::LoadU(d8s, weights));
    sum1_ = AddDotProducts(sum1_, quads.part1, hn::LoadU(d8s, weights + kWidth));
    sum2_ = AddDotProducts(sum2_, quads.part2, hn::LoadU(d8s, weights + 2 * kWidth));
    sum3_ = AddDotProducts(sum3_, quads.part3, hn::LoadU(d8s, weights + 3 * kWidth));
  }

  HWY_INLINE void Store(std::uint8_t* output) {
    const D8 d8;
    MakeOpaque(sum0_);
    MakeOpaque(sum1_);
    MakeOpaque(sum2_);
    MakeOpaque(sum3_);
    const D16 d16;
    const auto low = hn::ReorderDemote2To(d16, Round(0, sum0_), Round(1, sum1_));
    const auto high = hn::ReorderDemote2To(d16, Round(2, sum2_), Round(3, sum3_));
    const V8 bytes =
        hn::Max(PackBytes(hn::SaturatedAdd(low, zero_point_), hn::SaturatedAdd(high, zero_point_)),
                lowest_);
    if (stored_ >= kWidth) {
      hn::StoreU(bytes, d8, output);
    } else {
      StoreFirst(bytes, d8, output, stored_);
    }
  }

 private:
  using D8 = Bytes<kWidth>;
  using D8s = hn::RebindToSigned<D8>;
  using D16 = hn::Repartition<std::int16_t, D8>;
  using D32 = hn::Repartition<std::int32_t, D8>;
  using DF = hn::RebindToFloat<D32>;
  using V8 = hn::Vec<D8>;
  using V32 = hn::Vec<D32>;
  static constexpr std::int64_t kPart = kWidth / 4;

  HWY_INLINE V32 Round(int part, V32 sum) const {
    return RoundProducts(sum, hn::LoadU(DF(), multipliers_ + part * kPart), highest_);
  }

  const std::int8_t* weights_;
  const std::int32_t* bias_;
  const float* multipliers_;
  hn::Vec<DF> highest_;
  hn::Vec<D16> zero_point_;
  V8 lowest_;
  std::int64_t stored_;
  V32 sum0_, sum1_, sum2_, sum3_;
};

template <std::int64_t kWidth>
HWY_INLINE VBytes<kWidth> Load(const std::uint8_t* tap, std::int64_t at) {
  return AsFactors(hn::LoadU(Bytes<kWidth>(), tap + at));
}

template <std::int64_t kWidth>
void RunGroups(const DepthwiseRun& run, const DepthwiseBlock& block) {
  Runner<kWidth> runner(run, block);
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    const std::int64_t at = pixel * run.in_step + block.channel;
    runner.Begin();
    for (std::int64_t group = 0; group < run.groups; ++group) {
      const std::uint8_t* const* tap = run.taps + group * kDepth;
      runner.Add(Quads<kWidth>(Load<kWidth>(tap[0], at), Load<kWidth>(tap[1], at),
                               Load<kWidth>(tap[2], at), Load<kWidth>(tap[3], at)),
                 group);
    }
    runner.Store(run.output + pixel * run.out_step + block.channel);
  }
}

// 3×3, a column of the kernel in each group. Where the next pixel's columns are this one's but for
// one, each is interleaved once.
template <std::int64_t kWidth, bool kNextIsNeighbour>
void RunColumns(const DepthwiseRun& run, const DepthwiseBlock& block) {
  Runner<kWidth> runner(run, block);
  const std::uint8_t* const* taps = run.taps;
  const std::uint8_t *a0 = taps[0], *a1 = taps[1], *a2 = taps[2];
  const std::uint8_t *b0 = taps[4], *b1 = taps[5], *b2 = taps[6];
  const std::uint8_t *c0 = taps[8], *c1 = taps[9], *c2 = taps[10];
  const auto none = hn::Zero(Bytes<kWidth>());
  std::int64_t at = block.channel;
  std::uint8_t* output = run.output + block.channel;
  const auto column = [&](const std::uint8_t* top, const std::uint8_t* middle,
                          const std::uint8_t* bottom) HWY_ATTR {
    return Quads<kWidth>(Load<kWidth>(top, at), Load<kWidth>(middle, at), Load<kWidth>(bottom, at),
                         none);
  };
  Quads<kWidth> left = column(a0, a1, a2);
  Quads<kWidth> middle = column(b0, b1, b2);
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    if (!kNextIsNeighbour && pixel > 0) {
      left = column(a0, a1, a2);
      middle = column(b0, b1, b2);
    }
    const Quads<kWidth> right = column(c0, c1, c2);
    runner.Begin();
    runner.Add(left, 0);
    runner.Add(middle, 1);
    runner.Add(right, 2);
    runner.Store(output);
    left = middle;
    middle = right;
    at += run.in_step;
    output += run.out_step;
  }
}

template <std::int64_t kWidth>
void RunBlock(const DepthwiseRun& run, const DepthwiseBlock& block) {
  if (!run.columns) return RunGroups<kWidth>(run, block);
  if (run.column_step == run.in_step) return RunColumns<kWidth, true>(run, block);
  RunColumns<kWidth, false>(run, block);
}

void Run(const DepthwiseRun& run) {
  for (std::int64_t i = 0; i < run.block_count; ++i) {
    const DepthwiseBlock& block = run.blocks[i];
    if (block.width == kWide) {
      RunBlock<kWide>(run, block);
    } else {
      RunBlock<kNarrow>(run, block);
    }
  }
}

const DepthwiseKernel* Kernel() {
  static constexpr DepthwiseKernel kernel{kDotProductIsa, kNarrow, kWide,
                                          kDepth,         Run,     kFactorOffset};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant::integer {

const DepthwiseKernel* byte_depthwise_kernel(Isa isa) { QUANT_SIMD_SELECT_DOT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
