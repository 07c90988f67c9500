// SPDX-License-Identifier: MIT
// Iterative bias correction (Finkelstein et al., arXiv:1906.03193): rounding shifts the mean of a
// layer's output, and shifts add up on the way down; biases can take them back for free.
#pragma once

#include <cstdint>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct BiasCorrectionOptions {
  std::int64_t most_frames = 32;    // means need no more; they are held in memory
  std::int64_t judged_frames = 16;  // for the noise at the outputs
  int threads = 1;
};

// From the frame to the outputs, layer by layer: changes the biases of `model` so that the mean of
// every output channel over the set equals that of `float_graph` (which `model` was lowered from;
// its values cut to the range of the integers), all layers before it being corrected already.
// Layers that do not depend on each other are corrected together. A correction that adds noise at
// the model's outputs is taken back: behind SiLU and its like a right mean can make a wrong output.
// Deterministic. `progress(done, total)` counts runs of a frame. Errors: an empty set; whatever
// executors or the set report.
Status correct_biases(QuantizedModel& model, std::shared_ptr<const Graph> float_graph,
                      CalibrationSet& set, const BiasCorrectionOptions& options,
                      const StepProgress& progress);

}  // namespace quant
