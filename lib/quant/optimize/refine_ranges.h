// SPDX-License-Identifier: MIT
// Moves the ends of ranges by what comes out of the network. A method that looks at one tensor
// proposes ranges (observer.h), a search exchanges them (range_search.h); neither sees that a
// function behind is flat below some value, or that rare values carry little of the outputs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct RefineRangesOptions {
  QuantizationPlan plan;
  std::vector<ValueId> given;  // ranges that stay as they are
  std::int64_t most_frames = 32;
  int threads = 1;
};

// `ranges` by ValueId of `graph` (fp-optimized), lowered from the frame to the outputs: each end of
// each range is drawn towards zero in steps, large ones first, for as long as that lowers the noise
// at the outputs, and stays there if the steps together gained more than luck (noise_gain.h); twice
// over. Tensors that share their parameters move together. Deterministic. `progress` counts ends.
// Errors of lower(), the executor or the set.
Result<std::vector<Range>> refine_ranges(std::shared_ptr<const Graph> graph, const InputSpec& input,
                                         std::vector<Range> ranges, CalibrationSet& set,
                                         const RefineRangesOptions& options,
                                         const StepProgress& progress);

}  // namespace quant
