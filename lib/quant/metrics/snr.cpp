// SPDX-License-Identifier: MIT
// One pass over both tensors with several partial sums, so that the compiler can vectorise it.
#include "quant/metrics/snr.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

namespace quant {
namespace {

constexpr std::size_t kLanes = 8;
// Long enough to hide the reduction, short enough that a block with a NaN is cheap to repeat.
constexpr std::size_t kBlock = 1024;
static_assert(kBlock % kLanes == 0);

double sum(const double (&lanes)[kLanes]) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

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
    maximum[lane] = magnitude > maximum[lane] ? magnitude : maximum[lane];
  }

  OutputError total(std::size_t count, std::size_t non_finite) const {
    return {.count = static_cast<std::int64_t>(count),
            .non_finite = static_cast<std::int64_t>(non_finite),
            .signal = sum(signal),
            .noise = sum(noise),
            .test_energy = sum(test_energy),
            .product = sum(product),
            .difference_sum = sum(difference),
            .absolute_sum = sum(absolute),
            .max_abs = *std::max_element(maximum, maximum + kLanes)};
  }
};

OutputError add_block(const float* reference, const float* test, std::size_t count) {
  Lanes lanes;
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes.add(lane, reference[i + lane], test[i + lane]);
  for (std::size_t lane = 0; i + lane < count; ++lane)
    lanes.add(lane, reference[i + lane], test[i + lane]);
  return lanes.total(count, 0);
}

OutputError add_block_skipping_non_finite(const float* reference, const float* test,
                                          std::size_t count) {
  Lanes lanes;
  std::size_t finite = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(reference[i]) || !std::isfinite(test[i])) continue;
    lanes.add(i % kLanes, reference[i], test[i]);
    ++finite;
  }
  return lanes.total(finite, count - finite);
}

}  // namespace

const char* to_string(SnrState state) {
  switch (state) {
    case SnrState::kOk:
      return "ok";
    case SnrState::kExact:
      return "exact";
    case SnrState::kUndefined:
      return "undefined";
  }
  return "undefined";
}

const char* to_string(SnrReason reason) {
  switch (reason) {
    case SnrReason::kNone:
      return "";
    case SnrReason::kEmpty:
      return "nothing measured";
    case SnrReason::kZeroSignal:
      return "reference is zero";
    case SnrReason::kNonFinite:
      return "not finite";
  }
  return "";
}

void OutputError::add(std::span<const float> reference, std::span<const float> test) {
  OutputError total;
  for (std::size_t start = 0; start < reference.size(); start += kBlock) {
    const std::size_t length = std::min(kBlock, reference.size() - start);
    OutputError block = add_block(reference.data() + start, test.data() + start, length);
    // Squares of float32 cannot overflow a double: the energies are finite exactly when all
    // elements are.
    if (!std::isfinite(block.signal + block.test_energy))
      block = add_block_skipping_non_finite(reference.data() + start, test.data() + start, length);
    total.merge(block);
  }
  merge(total);
}

void OutputError::merge(const OutputError& other) {
  count += other.count;
  non_finite += other.non_finite;
  signal += other.signal;
  noise += other.noise;
  test_energy += other.test_energy;
  product += other.product;
  difference_sum += other.difference_sum;
  absolute_sum += other.absolute_sum;
  max_abs = std::max(max_abs, other.max_abs);
}

Snr OutputError::snr() const {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (non_finite > 0) return {kNone, SnrState::kUndefined, SnrReason::kNonFinite};
  if (count == 0) return {kNone, SnrState::kUndefined, SnrReason::kEmpty};
  if (signal == 0) return {kNone, SnrState::kUndefined, SnrReason::kZeroSignal};
  if (noise == 0)
    return {std::numeric_limits<double>::infinity(), SnrState::kExact, SnrReason::kNone};
  return {10 * std::log10(signal / noise), SnrState::kOk, SnrReason::kNone};
}

double OutputError::mse() const { return count == 0 ? 0 : noise / static_cast<double>(count); }

double OutputError::mean_abs() const {
  return count == 0 ? 0 : absolute_sum / static_cast<double>(count);
}

double OutputError::bias() const {
  return count == 0 ? 0 : difference_sum / static_cast<double>(count);
}

std::optional<double> OutputError::cosine() const {
  if (signal == 0 || test_energy == 0) return std::nullopt;
  // The sums of identical tensors agree, but their roots round.
  if (noise == 0) return 1.0;
  // Each root by itself: the product of two energies may overflow. Rounding may pass 1 by a bit.
  return std::clamp(product / (std::sqrt(signal) * std::sqrt(test_energy)), -1.0, 1.0);
}

Result<OutputError> measure_error(const Tensor& reference, const Tensor& test) {
  if (reference.type() != DataType::kFloat32 || test.type() != DataType::kFloat32)
    return fail(ErrorCode::kUnsupported,
                fmt::format("a signal-to-noise ratio needs float32 on both sides, not {} and {}",
                            to_string(reference.type()), to_string(test.type())));
  if (reference.shape() != test.shape())
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the reference has shape {}, the test {}", to_string(reference.shape()),
                            to_string(test.shape())));
  OutputError error;
  error.add(reference.data<float>(), test.data<float>());
  return error;
}

}  // namespace quant
