// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/softmax_kernel.h"

#include <algorithm>
#include <cstring>

#include "quant/arithmetic/softmax.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/softmax_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using DBytes = hn::Rebind<std::uint8_t, D32>;
using D64 = hn::ScalableTag<double>;
using DHalf = hn::Rebind<std::int32_t, D64>;
using DHalfBytes = hn::Rebind<std::uint8_t, D64>;
constexpr std::int64_t kLanes = hn::MaxLanes(D32());
constexpr std::int64_t kDoubles = hn::MaxLanes(D64());

// Two divisions and a multiplication by the inverse differ by less than 5 roundings, 2^-50 of a
// value that is clamped to 2^8: only this close to a tie could they round to different integers.
constexpr double kNearTie = 0.5 - 0x1p-40;

// Room for a line and what fills its last vector.
constexpr std::int64_t kPadded = (kMaxSoftmaxLine + kLanes - 1) / kLanes * kLanes;

class Lines {
 public:
  explicit Lines(const SoftmaxLines& softmax)
      : softmax_(softmax),
        padded_((softmax.axis + kLanes - 1) / kLanes * kLanes),
        lowest_(softmax.output.qmin - softmax.output.zero_point),
        highest_(softmax.output.qmax - softmax.output.zero_point) {}

  HWY_INLINE void Run(const std::uint8_t* in, std::uint8_t* out) {
    if (padded_ == softmax_.axis) return RunPadded(in, out);
    const auto bytes = static_cast<std::size_t>(softmax_.axis);
    std::memcpy(padded_in_, in, bytes);
    RunPadded(padded_in_, padded_out_);
    std::memcpy(out, padded_out_, bytes);
  }

 private:
  HWY_INLINE void RunPadded(const std::uint8_t* in, std::uint8_t* out) {
    const std::uint32_t sum = Exponentials(in);
    if (Divide(sum, out)) return;
    for (std::int64_t i = 0; i < softmax_.axis; ++i) {
      out[i] =
          static_cast<std::uint8_t>(softmax_value(static_cast<std::uint32_t>(exponentials_[i]), sum,
                                                  softmax_.output_scale, softmax_.output));
    }
  }

  // Into exponentials_, 0 in the padding; their sum, below 2^8 · 2^23.
  HWY_INLINE std::uint32_t Exponentials(const std::uint8_t* in) {
    const D32 d32;
    const auto* table = reinterpret_cast<const std::int32_t*>(softmax_.table);
    auto greatest = hn::Zero(d32);
    for (std::int64_t i = 0; i < padded_; i += kLanes)
      greatest = hn::Max(greatest, hn::PromoteTo(d32, hn::LoadU(DBytes(), in + i)));
    greatest = hn::MaxOfLanes(d32, greatest);
    auto sums = hn::Zero(d32);
    for (std::int64_t i = 0; i < padded_; i += kLanes) {
      const auto distance = hn::Sub(greatest, hn::PromoteTo(d32, hn::LoadU(DBytes(), in + i)));
      auto exponentials = hn::GatherIndex(d32, table, distance);
      if (i + kLanes > softmax_.axis) {
        const auto inside = hn::FirstN(d32, static_cast<std::size_t>(softmax_.axis - i));
        exponentials = hn::IfThenElseZero(inside, exponentials);
      }
      sums = hn::Add(sums, exponentials);
      hn::Store(exponentials, d32, exponentials_ + i);
    }
    return static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(d32, sums)));
  }

  // False where an element is too close to a tie.
  HWY_INLINE bool Divide(std::uint32_t sum, std::uint8_t* out) const {
    const D64 d64;
    const DHalf half;
    const auto inverse = hn::Set(d64, 1.0 / (static_cast<double>(sum) * softmax_.output_scale));
    const auto lowest = hn::Set(d64, lowest_);
    const auto highest = hn::Set(d64, highest_);
    const auto zero_point = hn::Set(half, softmax_.output.zero_point);
    auto farthest = hn::Zero(d64);
    for (std::int64_t i = 0; i < padded_; i += kDoubles) {
      auto t = hn::Mul(hn::PromoteTo(d64, hn::Load(half, exponentials_ + i)), inverse);
      t = hn::Min(hn::Max(t, lowest), highest);
      const auto rounded = hn::Round(t);
      farthest = hn::Max(farthest, hn::Abs(hn::Sub(t, rounded)));
      const auto q = hn::Add(hn::DemoteTo(half, rounded), zero_point);
      hn::StoreU(hn::DemoteTo(DHalfBytes(), q), DHalfBytes(), out + i);
    }
    return hn::AllFalse(d64, hn::Gt(farthest, hn::Set(d64, kNearTie)));
  }

  const SoftmaxLines& softmax_;
  std::int64_t padded_;
  double lowest_, highest_;
  HWY_ALIGN std::int32_t exponentials_[kPadded];
  // Zeros behind the line are never its maximum.
  HWY_ALIGN std::uint8_t padded_in_[kPadded] = {};
  HWY_ALIGN std::uint8_t padded_out_[kPadded];
};

void Run(const SoftmaxLines& softmax, const std::uint8_t* in, std::uint8_t* out,
         std::int64_t lines) {
  Lines kernel(softmax);
  for (std::int64_t line = 0; line < lines; ++line)
    kernel.Run(in + line * softmax.axis, out + line * softmax.axis);
}

const SoftmaxKernel* Kernel() {
  static constexpr SoftmaxKernel kernel{isa_of_target(HWY_TARGET), Run};
  return &kernel;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

const SoftmaxKernel* softmax_kernel(Isa isa) { QUANT_SIMD_SELECT(isa, Kernel()); }

}  // namespace quant::integer
#endif  // HWY_ONCE
