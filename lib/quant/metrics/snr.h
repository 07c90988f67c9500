// SPDX-License-Identifier: MIT
// How far one output is from its reference: signal-to-noise ratio and its companions, from sums
// that can be merged. docs/snr.md says what the figures mean and what they do not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

enum class SnrState {
  kOk,
  kExact,      // no difference at all: infinite
  kUndefined,  // there is no such figure; SnrReason says why
};

enum class SnrReason {
  kNone,
  kEmpty,       // nothing was measured
  kZeroSignal,  // the reference is zero everywhere
  kNonFinite,   // NaN or infinity in the reference or in the test
};

// "ok", "exact", "undefined".
const char* to_string(SnrState state);
// "", "nothing measured", "reference is zero", "not finite".
const char* to_string(SnrReason reason);

struct Snr {
  double db = 0;  // decibels when kOk; +infinity when kExact; NaN when kUndefined
  SnrState state = SnrState::kUndefined;
  SnrReason reason = SnrReason::kEmpty;
};

// Sums over the elements of one output, of one frame or of many. Everything is accumulated in
// double, in an order that depends on the number of elements only: the same input gives the same
// bits on every run.
struct OutputError {
  std::int64_t count = 0;  // finite pairs; the sums are over these
  std::int64_t non_finite =
      0;                   // pairs with a NaN or an infinity on either side, left out of the sums
  double signal = 0;       // Σ ref²
  double noise = 0;        // Σ (ref − test)²
  double test_energy = 0;  // Σ test²
  double product = 0;      // Σ ref · test
  double difference_sum = 0;  // Σ (test − ref)
  double absolute_sum = 0;    // Σ |test − ref|
  double max_abs = 0;         // max |test − ref|

  // Adds one output. Precondition: equal sizes.
  void add(std::span<const float> reference, std::span<const float> test);
  // Afterwards the same, up to the rounding of double sums, as if everything had been added to one.
  void merge(const OutputError& other);

  // 10 · log10(signal / noise).
  Snr snr() const;
  double mse() const;       // noise / count; 0 where nothing was measured
  double mean_abs() const;  // mean |test − ref|
  double bias() const;      // mean (test − ref)
  // Nothing where reference or test is zero everywhere.
  std::optional<double> cosine() const;

  bool operator==(const OutputError&) const = default;
};

// One output of one frame. InvalidArgument where shapes differ; Unsupported where either is not
// float32 (indices and labels have no signal-to-noise ratio).
Result<OutputError> measure_error(const Tensor& reference, const Tensor& test);

}  // namespace quant
