// SPDX-License-Identifier: MIT
// Weights in 4 bits where they cost least, and in 16 where they help most: shares of all weights,
// given out by what each layer does to the outputs.
#pragma once

#include <cstdint>
#include <memory>

#include "quant/graph/input_spec.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct CompressionOptions {
  double share_in_4_bits = 0;   // of all weights, 0 to 1
  double share_in_16_bits = 0;  // the two together ≤ 1
  std::int64_t most_frames = 8;
  int threads = 1;
};

// `plan` with other weight bits in layers that have 8 there: each is measured with 4 bits alone
// (and least square error scales), the rest of the network as planned. Layers are taken in the
// order of noise added per weight saved until the share is reached, without passing it by more than
// the last layer; 16 bits go the other way, and bring 16-bit activations to the layer. The layers
// at both ends of the network are measured like all others. Deterministic. `progress` counts
// layers. Errors: shares that cannot be; whatever lowering or the set report.
Result<QuantizationPlan> compress_weights(std::shared_ptr<const Graph> graph,
                                          const InputSpec& input, const std::vector<Range>& ranges,
                                          const QuantizationPlan& plan, CalibrationSet& set,
                                          const CompressionOptions& options,
                                          const StepProgress& progress);

}  // namespace quant
