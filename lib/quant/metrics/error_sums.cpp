// SPDX-License-Identifier: MIT
// Eight partial sums of each kind: as many vectors as eight doubles fill. As many of them as the
// registers hold the seven sums of make a pass, which hides how long an addition takes; where
// several passes are needed, they go over rows that are in the cache.
#include "quant/metrics/error_sums.h"

// Scalable vectors cannot be members.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/metrics/error_sums.cpp"
#include <hwy/cache_control.h>
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
// Tensors have left the cache while the reference ran, and a processor's own prefetching ends with
// the page: one page (measured: 119 against 126 µs for 397488 pairs, 11 against 14 for 26520).
constexpr std::size_t kRowsAhead = 128;

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

// Halves are added until one is left.
double sum(const double (&lanes)[kLanes]) {
  double folded[kLanes];
  std::copy_n(lanes, kLanes, folded);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) folded[lane] += folded[lane + half];
  return folded[0];
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

// 512 bits are no faster: float32 is widened at the same rate (measured on Zen 4: 0.29 ns a pair,
// against 0.25).
using Doubles = hn::CappedTag<double, 4>;
using Vector = hn::Vec<Doubles>;

// Those partial sums that one vector holds.
struct VectorSums {
  Vector signal, noise, test_energy, product, difference, absolute, maximum;

  // The compiler's own would not be compiled for this target.
  HWY_INLINE VectorSums() {}
  void load(const Lanes& lanes, std::size_t first) {
    const Doubles d;
    signal = hn::LoadU(d, lanes.signal + first);
    noise = hn::LoadU(d, lanes.noise + first);
    test_energy = hn::LoadU(d, lanes.test_energy + first);
    product = hn::LoadU(d, lanes.product + first);
    difference = hn::LoadU(d, lanes.difference + first);
    absolute = hn::LoadU(d, lanes.absolute + first);
    maximum = hn::LoadU(d, lanes.maximum + first);
  }
  void store(Lanes& lanes, std::size_t first) const {
    const Doubles d;
    hn::StoreU(signal, d, lanes.signal + first);
    hn::StoreU(noise, d, lanes.noise + first);
    hn::StoreU(test_energy, d, lanes.test_energy + first);
    hn::StoreU(product, d, lanes.product + first);
    hn::StoreU(difference, d, lanes.difference + first);
    hn::StoreU(absolute, d, lanes.absolute + first);
    hn::StoreU(maximum, d, lanes.maximum + first);
  }
  void add(const float* reference, const float* test) {
    const Doubles d;
    const hn::Rebind<float, Doubles> narrow;
    const auto r = hn::PromoteTo(d, hn::LoadU(narrow, reference));
    const auto t = hn::PromoteTo(d, hn::LoadU(narrow, test));
    // A product of two float32 is exact in double: fused or not, the sum is rounded once. The
    // square of a difference is not; fused, it would gain 4 %.
    signal = hn::MulAdd(r, r, signal);
    test_energy = hn::MulAdd(t, t, test_energy);
    product = hn::MulAdd(r, t, product);
    const auto delta = hn::Sub(t, r);
    difference = hn::Add(difference, delta);
    noise = hn::Add(noise, hn::Mul(delta, delta));
    const auto magnitude = hn::Abs(delta);
    absolute = hn::Add(absolute, magnitude);
    maximum = hn::Max(maximum, magnitude);
  }
};

// As many of each sum as the registers hold: they hide how long an addition takes.
#if HWY_ARCH_ARM_A64
constexpr std::size_t kVectorsAtATime = 4;
#else
constexpr std::size_t kVectorsAtATime = 2;
#endif

// Rows of eight pairs, onto what is in `lanes`.
void AddRows(const float* reference, const float* test, std::size_t rows, Lanes& lanes) {
  const std::size_t width = hn::Lanes(Doubles());
  const std::size_t pass = kVectorsAtATime * width;
  const std::size_t chunk = pass < kLanes ? kRowsInCache : rows;
  for (std::size_t start = 0; start < rows; start += chunk) {
    const std::size_t end = std::min(start + chunk, rows);
    for (std::size_t lane = 0; lane < kLanes; lane += pass) {
      VectorSums sums[kVectorsAtATime];
      for (std::size_t i = 0; i < kVectorsAtATime; ++i) sums[i].load(lanes, lane + i * width);
      for (std::size_t row = start; row < end; ++row) {
        const std::size_t ahead = std::min(row + kRowsAhead, rows - 1) * kLanes;
        hwy::Prefetch(reference + ahead);
        hwy::Prefetch(test + ahead);
#pragma GCC unroll 4
        for (std::size_t i = 0; i < kVectorsAtATime; ++i) {
          const std::size_t at = row * kLanes + lane + i * width;
          sums[i].add(reference + at, test + at);
        }
      }
      for (std::size_t i = 0; i < kVectorsAtATime; ++i) sums[i].store(lanes, lane + i * width);
    }
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
