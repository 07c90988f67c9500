// SPDX-License-Identifier: MIT
#include "quant/metrics/snr.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "quant/metrics/error_sums.h"

namespace quant {
namespace {

// Long enough to hide the reduction, short enough that a block with a NaN is cheap to repeat.
constexpr std::size_t kBlock = 65536;

OutputError from_sums(const ErrorSums& sums, std::size_t count, std::size_t non_finite) {
  return {.count = static_cast<std::int64_t>(count),
          .non_finite = static_cast<std::int64_t>(non_finite),
          .signal = sums.signal,
          .noise = sums.noise,
          .test_energy = sums.test_energy,
          .product = sums.product,
          .difference_sum = sums.difference,
          .absolute_sum = sums.absolute,
          .max_abs = sums.maximum};
}

OutputError add_block(const float* reference, const float* test, std::size_t count) {
  const ErrorSums sums = error_sums(reference, test, count);
  // Squares of float32 cannot overflow a double: the energies are finite exactly when all elements
  // are.
  if (std::isfinite(sums.signal + sums.test_energy)) return from_sums(sums, count, 0);
  std::size_t finite = 0;
  const ErrorSums without = finite_error_sums(reference, test, count, finite);
  return from_sums(without, finite, count - finite);
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
    total.merge(add_block(reference.data() + start, test.data() + start, length));
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
