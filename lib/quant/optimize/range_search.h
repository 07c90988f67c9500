// SPDX-License-Identifier: MIT
// Chooses the range of every activation by what comes out of the network. No rule that looks at one
// tensor alone can know what clipping costs: a large value may be an outlier, or the largest box.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct RangeSearchOptions {
  QuantizationPlan plan;
  std::int64_t most_frames = 32;
  int threads = 1;
};

// `proposals` are sets of ranges by ValueId of `graph` (fp-optimized), at least one. Starts from
// the set that is best as a whole; then goes through the activations from the frame to the outputs
// and takes the range of another set where that lowers the noise at the outputs by more than luck
// (noise_gain.h). Deterministic. `progress` counts trials.
Result<std::vector<Range>> search_ranges(const std::shared_ptr<const Graph>& graph,
                                         const InputSpec& input,
                                         std::span<const std::vector<Range>> proposals,
                                         CalibrationSet& set, const RangeSearchOptions& options,
                                         const StepProgress& progress);

}  // namespace quant
