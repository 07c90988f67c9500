// SPDX-License-Identifier: MIT
// Eight partial sums of each kind: as many vectors as eight doubles fill. Every vector makes a pass
// of its own, so that seven sums fit the registers whatever their width; where that takes several
// passes, they go over rows that are in the cache.
#include "quant/metrics/error_sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/metrics/error_sums.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef QUANT_METRICS_ERROR_SUMS_ONCE
#define QUANT_METRICS_ERROR_SUMS_ONCE
#include <algorithm>
#include <cmath>

namespace quant {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kRowsInCache = 128;

struct Lanes {
  double signal[kLanes] = {};
  double noise[kLanes] = {};
  double test_energy[kLanes] = {};
  double product[kLanes] = {};
  double difference[kLanes] = {};
  double absolute[kLanes] = {};
  double maximum[kLanes] = {};

  void add(std::size_t lane, double reference, double test) {
    const double delta = test - reference;
    const double magnitude = std::fabs(delta);
    signal[lane] += reference * reference;
    noise[lane] += delta * delta;
    test_energy[lane] += test * test;
    product[lane] += reference * test;
    difference[lane] += delta;
    absolute[lane] += magnitude;
    maximum[lane] = std::max(maximum[lane], magnitude);
  }
};

double sum(const double (&lanes)[kLanes]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

ErrorSums total(const Lanes& lanes) {
  return {sum(lanes.signal),
          sum(lanes.noise),
          sum(lanes.test_energy),
          sum(lanes.product),
          sum(lanes.difference),
          sum(lanes.absolute),
          *std::max_element(lanes.maximum, lanes.maximum + kLanes)};
}

}  // namespace
}  // namespace quant
#endif  // QUANT_METRICS_ERROR_SUMS_ONCE

HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of eight pairs, onto what is in `lanes`.
void AddPasses(const float* reference, const float* test, std::size_t rows, Lanes& lanes) {
  const hn::CappedTag<double, kLanes> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const std::size_t width = hn::Lanes(d);
  for (std::size_t lane = 0; lane < kLanes; lane += width) {
    auto signal = hn::LoadU(d, lanes.signal + lane);
    auto noise = hn::LoadU(d, lanes.noise + lane);
    auto energy = hn::LoadU(d, lanes.test_energy + lane);
    auto product = hn::LoadU(d, lanes.product + lane);
    auto difference = hn::LoadU(d, lanes.difference + lane);
    auto absolute = hn::LoadU(d, lanes.absolute + lane);
    auto maximum = hn::LoadU(d, lanes.maximum + lane);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto r = hn::PromoteTo(d, hn::LoadU(narrow, reference + row * kLanes + lane));
      const auto t = hn::PromoteTo(d, hn::LoadU(narrow, test + row * kLanes + lane));
      const auto delta = hn::Sub(t, r);
      const auto magnitude = hn::Abs(delta);
      signal = hn::Add(signal, hn::Mul(r, r));
      noise = hn::Add(noise, hn::Mul(delta, delta));
      energy = hn::Add(energy, hn::Mul(t, t));
      product = hn::Add(product, hn::Mul(r, t));
      difference = hn::Add(difference, delta);
      absolute = hn::Add(absolute, magnitude);
      maximum = hn::Max(maximum, magnitude);
    }
    hn::StoreU(signal, d, lanes.signal + lane);
    hn::StoreU(noise, d, lanes.noise + lane);
    hn::StoreU(energy, d, lanes.test_energy + lane);
    hn::StoreU(product, d, lanes.product + lane);
    hn::StoreU(difference, d, lanes.difference + lane);
    hn::StoreU(absolute, d, lanes.absolute + lane);
    hn::StoreU(maximum, d, lanes.maximum + lane);
  }
}

void AddRows(const float* reference, const float* test, std::size_t rows, Lanes& lanes) {
  const bool one_pass = hn::Lanes(hn::CappedTag<double, kLanes>()) == kLanes;
  const std::size_t at_once = one_pass ? rows : kRowsInCache;
  for (std::size_t row = 0; row < rows; row += at_once) {
    AddPasses(reference + row * kLanes, test + row * kLanes, std::min(at_once, rows - row), lanes);
  }
}

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quant {

HWY_EXPORT(AddRows);

ErrorSums error_sums(const float* reference, const float* test, std::size_t count) {
  Lanes lanes;
  const std::size_t rows = count / kLanes;
  HWY_DYNAMIC_DISPATCH(AddRows)(reference, test, rows, lanes);
  for (std::size_t i = rows * kLanes; i < count; ++i) lanes.add(i % kLanes, reference[i], test[i]);
  return total(lanes);
}

ErrorSums finite_error_sums(const float* reference, const float* test, std::size_t count,
                            std::size_t& finite) {
  Lanes lanes;
  finite = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(reference[i]) || !std::isfinite(test[i])) continue;
    lanes.add(i % kLanes, reference[i], test[i]);
    ++finite;
  }
  return total(lanes);
}

}  // namespace quant
#endif  // HWY_ONCE
