// SPDX-License-Identifier: MIT
// Rounds weights by what they meet: the rounding error of one weight is made up for by the weights
// that are rounded after it, as far as the layer's own inputs on calibration frames tell that they
// can (Frantar et al., GPTQ, arXiv:2210.17323). Before that, the weights may be fitted to those
// inputs, which are not what the float layer reads (docs/adr/0008). Scales stay, biases keep the
// channels' means.
#pragma once

#include <cstdint>
#include <memory>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_weights.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct HessianRoundingOptions {
  std::int64_t most_frames = 256;   // that Hessians are made of; they are held in memory
  std::int64_t judged_frames = 32;  // for the noise at the outputs
  bool only_4_bit = false;          // leaves weights of 8 and 16 bits
  int threads = 1;
};

struct HessianRoundingResult {
  int tried = 0;  // layers
  int kept = 0;
  LayerWeights fitted;  // before they were rounded; of the layers that kept such weights
};

// Layer by layer from the frame to the outputs, those before it being rounded already: changes the
// integer weights and biases of `model`, which was lowered from `float_graph`. `weights` are the
// real values to round; of layers that are not there, the float graph's, fitted or as they are.
// Of each layer's ways that of least noise at the model's outputs is taken, or none: of 16 frames
// and more every fourth judges that and enters no moments. Deterministic. `progress(done, total)`
// counts runs of a frame. Errors: an empty set; whatever executors or the set report.
Result<HessianRoundingResult> round_by_hessian(QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const LayerWeights& weights, CalibrationSet& set,
                                               const HessianRoundingOptions& options,
                                               const StepProgress& progress);

}  // namespace quant
