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
  std::int64_t most_frames = 8;
  int threads = 1;
};

// A point of the curve: what so many bit operations buy.
struct PrecisionTradeOff {
  double bit_operations = 0;  // Σ multiplications · input bits · weight bits, of one frame
  std::vector<std::optional<double>> snr_db;  // by output, measured; nothing: it has no figure
};

struct PrecisionSearchResult {
  QuantizationPlan plan;
  PrecisionTradeOff reached;             // of `plan`
  std::vector<PrecisionTradeOff> curve;  // from the plan given to all in 16 bits
};

// Starts from `plan` (whose 16-bit choices stay). What can be promoted is every activation (then
// its maker puts out 16 bits and all readers read them) and the weights of every layer. With all of
// them in 16 bits, each is lowered alone: the noise that appears at the outputs is its share, and
// shares add up. Promotions go by noise removed (in units of what is allowed, worst output first)
// per bit operation added, until the sum is below what is wanted; then the emulator measures, and
// more follow until it agrees; last, what turned out needless is taken back. Deterministic.
// Errors: OutOfRange where all in 16 bits miss the wanted ratio (the figures are in the message).
Result<PrecisionSearchResult> search_precision(std::shared_ptr<const Graph> graph,
                                               const InputSpec& input,
                                               const std::vector<Range>& ranges,
                                               const QuantizationPlan& plan, CalibrationSet& set,
                                               const PrecisionSearchOptions& options,
                                               const StepProgress& progress);

// Multiplications of one frame in the layers with weights and in products of activations, by node.
std::vector<double> multiplications(const Graph& graph);

}  // namespace quant
