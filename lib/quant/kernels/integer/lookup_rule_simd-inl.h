// SPDX-License-Identifier: MIT
// Look-ups of words by the rule that makes their table. Included once per target, inside each
// *_simd.cpp.

#if defined(QUANT_LOOKUP_RULE_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_LOOKUP_RULE_SIMD_INL_H
#undef QUANT_LOOKUP_RULE_SIMD_INL_H
#else
#define QUANT_LOOKUP_RULE_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>

#include "quant/arithmetic/lookup_rule.h"
#include "quant/kernels/integer/requantize_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using RuleD = hn::ScalableTag<std::int32_t>;
using RuleV = hn::Vec<RuleD>;

// From levels of the input to levels of the output. A product that leaves int32 comes out wrong:
// no rule with such a one makes its table.
class StraightLevels {
 public:
  HWY_INLINE explicit StraightLevels(const StraightLine& line)
      : zero_point_(hn::Set(RuleD(), line.zero_point)),
        multiplier_(hn::Set(D(), line.multiplier)),
        output_zero_point_(hn::Set(RuleD(), line.output.zero_point)),
        lowest_(hn::Set(RuleD(), line.output.qmin)),
        highest_(hn::Set(RuleD(), line.output.qmax)) {}

  HWY_INLINE RuleV operator()(RuleV q) const {
    const RuleD d32;
    const RuleV x = hn::Sub(q, zero_point_);
    const RuleV low = Rounded(hn::LowerHalf(x));
    const RuleV high = Rounded(hn::UpperHalf(hn::Half<RuleD>(), x));
    const RuleV level = hn::Add(hn::ConcatEven(d32, high, low), output_zero_point_);
    return hn::Min(hn::Max(level, lowest_), highest_);
  }

 private:
  using D = hn::ScalableTag<double>;

  // The products, rounded, each in the low half of its lane.
  HWY_INLINE RuleV Rounded(hn::Vec<hn::Half<RuleD>> x) const {
    const auto product = hn::Mul(hn::PromoteTo(D(), x), multiplier_);
    return hn::BitCast(RuleD(), hn::Add(product, hn::Set(D(), kWideRounder)));
  }

  RuleV zero_point_;
  hn::Vec<D> multiplier_;
  RuleV output_zero_point_, lowest_, highest_;
};

class BentLevels {
 public:
  HWY_INLINE explicit BentLevels(const BentLine& line)
      : zero_point_(hn::Set(RuleD(), line.input.zero_point)),
        scale_(hn::Set(D(), line.input.scale)),
        slope_(hn::Set(D(), line.slope)),
        output_scale_(hn::Set(D(), line.output_scale)),
        constants_(StoreRange(line.output)) {}

  HWY_INLINE RuleV operator()(RuleV q) const {
    const auto x = hn::Mul(hn::ConvertTo(D(), hn::Sub(q, zero_point_)), scale_);
    const auto bent = hn::IfThenElse(hn::Lt(x, hn::Zero(D())), hn::Mul(x, slope_), x);
    return RoundToOutput(RuleD(), hn::Div(bent, output_scale_), constants_);
  }

 private:
  using D = hn::RebindToFloat<RuleD>;
  RuleV zero_point_;
  hn::Vec<D> scale_, slope_, output_scale_;
  StoreConstants<RuleD> constants_;
};

template <class Levels>
HWY_INLINE void ComputeRowsBy(const Levels& levels, const std::uint16_t* in, std::int64_t in_step,
                              std::uint16_t* out, std::int64_t out_step, std::int64_t rows,
                              std::int64_t n) {
  const RuleD d32;
  const hn::Rebind<std::uint16_t, RuleD> d16;
  constexpr std::int64_t kLanes = hn::MaxLanes(d32);
  const auto vector = [&](const std::uint16_t* from) HWY_ATTR {
    return hn::DemoteTo(d16, levels(hn::PromoteTo(d32, hn::LoadU(d16, from))));
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint16_t* from = in + r * in_step;
    std::uint16_t* to = out + r * out_step;
    if (n < kLanes) {
      HWY_ALIGN std::uint16_t few[kLanes] = {};
      std::memcpy(few, from, static_cast<std::size_t>(n) * sizeof(few[0]));
      hn::StoreU(vector(few), d16, few);
      std::memcpy(to, few, static_cast<std::size_t>(n) * sizeof(few[0]));
      continue;
    }
    // The last vector overlaps the one before: it is made first, as `to` may be `from`.
    const auto last = vector(from + n - kLanes);
    for (std::int64_t i = 0; i + kLanes < n; i += kLanes) hn::StoreU(vector(from + i), d16, to + i);
    hn::StoreU(last, d16, to + n - kLanes);
  }
}

inline void ComputeRows(const LookupRule& rule, const std::uint16_t* in, std::int64_t in_step,
                        std::uint16_t* out, std::int64_t out_step, std::int64_t rows,
                        std::int64_t n) {
  if (const auto* straight = std::get_if<StraightLine>(&rule))
    return ComputeRowsBy(StraightLevels(*straight), in, in_step, out, out_step, rows, n);
  const BentLevels levels(std::get<BentLine>(rule));
  ComputeRowsBy(levels, in, in_step, out, out_step, rows, n);
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_LOOKUP_RULE_SIMD_INL_H
