// SPDX-License-Identifier: MIT
// Equalization between layers (Meller et al., arXiv:1902.01917): one scale serves all channels of
// an activation, so a channel of small values loses most of its bits. Where only convolutions read
// it, the channel can be scaled up, and their weights down, without changing the network.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/calibrate.h"

namespace quant {

// `graph` (fp-optimized) as the same function with other scales inside. Looks once at the set. An
// activation is equalized when a convolution makes it, through nothing but operators that commute
// with a positive scale of a channel (ReLU, leaky ReLU, pooling), and only convolutions read it.
// Scales come from the least expected noise at the readers' outputs: uniform rounding noise of the
// activation through the weights, plus that of the weights through the activation's energy.
// Activations in `untouched` keep their scale: their range is given in its units. Deterministic.
Result<Graph> equalize(const Graph& graph, CalibrationSet& set,
                       const std::vector<ValueId>& untouched, int threads,
                       const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace quant
