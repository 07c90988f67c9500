// SPDX-License-Identifier: MIT
// Rounds weights by what they meet: the rounding error of one weight is made up for by the weights
// that are rounded after it, as far as the layer's own inputs on calibration frames tell that they
// can (Frantar et al., GPTQ, arXiv:2210.17323). Scales stay, biases keep the channels' means.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "quant/graph/quantized_model.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/step_progress.h"
#include "quant/tensor/tensor.h"

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
};

// Layer by layer from the frame to the outputs, those before it being rounded already: changes the
// integer weights and biases of `model`, which was lowered from `float_graph`. `weights` are the
// real values to round, by name of the layer, in the integer graph's order; of layers that are not
// there, the float graph's. Rounding that adds noise at the model's outputs is taken back; of 16
// frames and more every fourth judges that and enters no Hessian. Deterministic. `progress(done,
// total)` counts runs of a frame. Errors: an empty set; whatever executors or the set report.
Result<HessianRoundingResult> round_by_hessian(QuantizedModel& model,
                                               std::shared_ptr<const Graph> float_graph,
                                               const std::map<std::string, Tensor>& weights,
                                               CalibrationSet& set,
                                               const HessianRoundingOptions& options,
                                               const StepProgress& progress);

}  // namespace quant
