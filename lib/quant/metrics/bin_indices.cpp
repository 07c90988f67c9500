// SPDX-License-Identifier: MIT
#include "quant/metrics/bin_indices.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/metrics/bin_indices.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef QUANT_METRICS_BIN_INDICES_ONCE
#define QUANT_METRICS_BIN_INDICES_ONCE
#include <cmath>

namespace quant {
namespace {

std::int32_t bin_index(float value, const BinRule& rule) {
  const double position =
      (value * rule.steps_per_value + rule.zero_point + 0.5) * rule.bins_per_step;
  const double bin = std::floor(position) - static_cast<double>(rule.first);
  return bin >= 0 && bin < rule.bins ? static_cast<std::int32_t>(bin) : rule.bins;
}

}  // namespace
}  // namespace quant
#endif  // QUANT_METRICS_BIN_INDICES_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

void BinIndices(const float* values, std::size_t count, const BinRule& rule,
                std::int32_t* indices) {
  const hn::CappedTag<double, 8> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const hn::Rebind<std::int32_t, decltype(d)> integers;
  const std::size_t width = hn::Lanes(d);
  const auto steps = hn::Set(d, rule.steps_per_value);
  const auto zero_point = hn::Set(d, rule.zero_point);
  const auto half = hn::Set(d, 0.5);
  const auto scale = hn::Set(d, rule.bins_per_step);
  const auto first = hn::Set(d, static_cast<double>(rule.first));
  const auto bins = hn::Set(d, static_cast<double>(rule.bins));
  std::size_t i = 0;
  for (; i + width <= count; i += width) {
    const auto value = hn::PromoteTo(d, hn::LoadU(narrow, values + i));
    const auto step = hn::Add(hn::Add(hn::Mul(value, steps), zero_point), half);
    const auto bin = hn::Sub(hn::Floor(hn::Mul(step, scale)), first);
    // Comparisons with NaN are false.
    const auto inside = hn::And(hn::Ge(bin, hn::Zero(d)), hn::Lt(bin, bins));
    hn::StoreU(hn::DemoteTo(integers, hn::IfThenElse(inside, bin, bins)), integers, indices + i);
  }
  for (; i < count; ++i) indices[i] = bin_index(values[i], rule);
}

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(BinIndices);

void bin_indices(const float* values, std::size_t count, const BinRule& rule,
                 std::int32_t* indices) {
  HWY_DYNAMIC_DISPATCH(BinIndices)(values, count, rule, indices);
}

}  // namespace quant
#endif  // HWY_ONCE
