// SPDX-License-Identifier: MIT
// The depthwise micro-kernel for the CPUs that have 8-bit dot products: four taps at once, bytes
// used as they lie.
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

using D8 = hn::ScalableTag<std::uint8_t>;
using D8s = hn::RebindToSigned<D8>;
using D16 = hn::Repartition<std::int16_t, D8>;
using D32 = hn::Repartition<std::int32_t, D8>;
using DF = hn::RebindToFloat<D32>;
using V8 = hn::Vec<D8>;
using V32 = hn::Vec<D32>;
constexpr std::int64_t kWide = hn::MaxLanes(D8());
constexpr std::int64_t kPart = kWide / 4;
constexpr int kDepth = 4;

// Four taps of every channel, in four vectors: the packed order of DepthwiseBlock.
struct Quads {
  V8 part0, part1, part2, part3;
  HWY_INLINE Quads(V8 a, V8 b, V8 c, V8 d) {
    const D8 d8;
    const D16 d16;
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

  HWY_INLINE void Add(const Quads& quads, std::int64_t group) {
    const D8s d8s;
    const std::int8_t* weights = weights_ + group * kDepth * kWide;
    sum0_ = AddDotProducts(sum0_, quads.part0, hn::LoadU(d8s, weights));
    sum1_ = AddDotProducts(sum1_, quads.part1, hn::LoadU(d8s, weights + kWide));
    sum2_ = AddDotProducts(sum2_, quads.part2, hn::LoadU(d8s, weights + 2 * kWide));
    sum3_ = AddDotProducts(sum3_, quads.part3, hn::LoadU(d8s, weights + 3 * kWide));
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
    if (stored_ >= kWide) {
      hn::StoreU(bytes, d8, output);
    } else {
      StoreFirst(bytes, d8, output, stored_);
    }
  }

 private:
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

HWY_INLINE V8 Load(const std::uint8_t* tap, std::int64_t at) { return hn::LoadU(D8(), tap + at); }

void RunGroups(const DepthwiseRun& run, const DepthwiseBlock& block) {
  Runner runner(run, block);
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    const std::int64_t at = pixel * run.in_step + block.channel;
    runner.Begin();
    for (std::int64_t group = 0; group < run.groups; ++group) {
      const std::uint8_t* const* tap = run.taps + group * kDepth;
      runner.Add(Quads(Load(tap[0], at), Load(tap[1], at), Load(tap[2], at), Load(tap[3], at)),
                 group);
    }
    runner.Store(run.output + pixel * run.out_step + block.channel);
  }
}

// 3×3, a column of the kernel in each group. Where the next pixel's columns are this one's but for
// one, each is interleaved once.
template <bool kNextIsNeighbour>
void RunColumns(const DepthwiseRun& run, const DepthwiseBlock& block) {
  Runner runner(run, block);
  const std::uint8_t *a0 = run.taps[0], *a1 = run.taps[1], *a2 = run.taps[2];
  const std::uint8_t *b0 = run.taps[4], *b1 = run.taps[5], *b2 = run.taps[6];
  const std::uint8_t *c0 = run.taps[8], *c1 = run.taps[9], *c2 = run.taps[10];
  const V8 none = hn::Zero(D8());
  std::int64_t at = block.channel;
  std::uint8_t* output = run.output + block.channel;
  Quads left(Load(a0, at), Load(a1, at), Load(a2, at), none);
  Quads middle(Load(b0, at), Load(b1, at), Load(b2, at), none);
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    if (!kNextIsNeighbour && pixel > 0) {
      left = Quads(Load(a0, at), Load(a1, at), Load(a2, at), none);
      middle = Quads(Load(b0, at), Load(b1, at), Load(b2, at), none);
    }
    const Quads right(Load(c0, at), Load(c1, at), Load(c2, at), none);
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

void Run(const DepthwiseRun& run) {
  for (std::int64_t i = 0; i < run.block_count; ++i) {
    const DepthwiseBlock& block = run.blocks[i];
    if (!run.columns) {
      RunGroups(run, block);
    } else if (run.column_step == run.in_step) {
      RunColumns<true>(run, block);
    } else {
      RunColumns<false>(run, block);
    }
  }
}

const DepthwiseKernel* Kernel() {
  static constexpr DepthwiseKernel kernel{kDotProductIsa, kWide, kWide, kDepth, Run};
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
