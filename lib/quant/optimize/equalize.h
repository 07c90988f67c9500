// SPDX-License-Identifier: MIT
// Equalization between layers (Meller et al., arXiv:1902.01917): one scale serves all channels of
// an activation, so a channel of small values loses most of its bits. Where only convolutions make
// and read it, the channel can be scaled up, and their weights down, without changing the network.
#pragma once

#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/step_progress.h"

namespace quant {

struct EqualizeOptions {
  QuantizationPlan plan;  // how many bits weights and activations will have
  std::vector<ValueId>
      untouched;  // activations that keep their scale: ranges in its units are known
  int threads = 1;
};

// `graph` (fp-optimized) as the same function with other scales inside (channel_classes.h says
// which can be). Looks once at the set. Scales come from the least expected noise at the outputs of
// the convolutions that read them, each relative to its signal: uniform rounding noise of the
// activations through the weights, plus that of the weights through the activations' energy.
// Nodes and ValueIds stay; constants may be added. Deterministic.
Result<Graph> equalize(const Graph& graph, CalibrationSet& set, const EqualizeOptions& options,
                       const StepProgress& progress);

}  // namespace quant
