// SPDX-License-Identifier: MIT
// Which layers are worth copies (split_channels.h): those whose rounding costs most at the outputs
// for what their copies cost in products.
#pragma once

#include <cstdint>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/split_channels.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct SplitSearchOptions {
  double most_added = 0.05;  // products that copies may add, as a share of the network's
  std::int64_t most_frames = 16;
  int threads = 1;
};

struct SplitSearchResult {
  std::vector<ChannelSplit> splits;
  double added = 0;    // products, as a share of the network's
  double gain_db = 0;  // at the outputs on the frames that chose, mean
};

// Each layer that can be split is tried alone with two copies; then, in the order of gain per
// product added, all that gain 0.3 dB, and more than luck (noise_gain.h), on top of those before
// are taken, and their copies doubled as long as that gains as much, up to eight. Deterministic.
// `progress` counts trials. Errors of lower(), the executor or the set.
Result<SplitSearchResult> search_splits(const PlannedNetwork& network, const InputSpec& input,
                                        CalibrationSet& set, const SplitSearchOptions& options,
                                        const StepProgress& progress);

}  // namespace quant
