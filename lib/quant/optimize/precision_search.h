// SPDX-License-Identifier: MIT
// Which layers are worth 16 bits: reaches a wanted signal-to-noise ratio at the outputs with as few
// bit operations as it can.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct PrecisionSearchOptions {
  std::vector<double> wanted_db;      // one per output of the model, or one for all
  std::vector<ValueId> given_ranges;  // which get no headroom (headroom.h)
  std::int64_t most_frames = 32;      // of the set; more say little more
  int threads = 1;
};

// A point of the curve: what so many bit operations buy. By output; nothing: it has no figure.
struct PrecisionTradeOff {
  double bit_operations = 0;  // Σ multiplications · input bits · weight bits, of one frame
  std::vector<std::optional<double>> snr_db;    // pooled over the set's frames
  std::vector<std::optional<double>> least_db;  // what it is at least, to 95 % (judged_snr.h)
};

struct PrecisionSearchResult {
  QuantizationPlan plan;
  PrecisionTradeOff reached;             // of `plan`
  std::vector<PrecisionTradeOff> curve;  // from the plan given to all in 16 bits
  std::int64_t frames = 0;               // that judged
  bool held_back = false;                // whether these took no part in the ranges (optimizer.h)
};

// Starts from `plan` (whose 16-bit choices stay); what can be promoted is in precision_parts.h.
// With all parts in 16 bits, each is lowered alone: the noise that appears at the outputs is its
// share, and shares add up. Promotions go by noise removed (in units of what is allowed, outputs
// beyond their limit first) per bit operation added, until the sum is below what is wanted; then
// the emulator measures, and more follow until it agrees; last, what turned out needless is taken
// back. What is wanted is reached where the measured ratio's lower bound is (judged_snr.h): the
// frames of `set` are to stand for others, so best they have no part in `ranges`. Deterministic.
// Errors: OutOfRange where all in 16 bits miss the wanted ratio (the figures are in the message).
Result<PrecisionSearchResult> search_precision(const std::shared_ptr<const Graph>& graph,
                                               const InputSpec& input,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const PrecisionSearchOptions& options,
                                               const StepProgress& progress);

}  // namespace quant
