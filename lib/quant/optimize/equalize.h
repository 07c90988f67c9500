// SPDX-License-Identifier: MIT
// Equalization between layers (Meller et al., arXiv:1902.01917): one scale serves all channels of
// an activation, so a channel of small values loses most of its bits. Where only convolutions read
// it, the channel can be scaled up, and their weights down, without changing the network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/calibrate.h"
#include "quant/optimize/step_progress.h"

namespace quant {

// A convolution and what equalization may scale behind it, by node and ValueId of the graph.
struct EqualizablePath {
  std::size_t producer = 0;          // a convolution
  ValueId activation = kNoValue;     // what is read
  std::vector<ValueId> quantized;    // from the convolution to there, what has a scale of its own
  std::vector<std::size_t> readers;  // convolutions
};

// In the order of their producers; those without a value in `untouched`.
std::vector<EqualizablePath> equalizable_paths(const Graph& graph,
                                               const std::vector<ValueId>& untouched);

// `graph` (fp-optimized) as the same function with other scales inside. Looks once at the set. An
// activation is equalized when a convolution makes it, through nothing but operators that commute
// with a positive scale of a channel (ReLU, leaky ReLU, pooling), and only convolutions read it.
// Scales come from the least expected noise at the readers' outputs: uniform rounding noise of the
// activation through the weights, plus that of the weights through the activation's energy.
// Activations in `untouched` keep their scale: their range is given in its units. Nodes and
// ValueIds stay; constants may be added. Deterministic.
Result<Graph> equalize(const Graph& graph, CalibrationSet& set,
                       const std::vector<ValueId>& untouched, int threads,
                       const StepProgress& progress);

}  // namespace quant
