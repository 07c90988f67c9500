// SPDX-License-Identifier: MIT
// By how much equalization scaled the channels between layers, read off the weights: the archive
// has the float weights before it and the integers after it.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// By value of the float network: integer-side value = gain[c] · float value, for each channel c.
// Values that are not there have gain 1 throughout. Always > 0.
using ChannelGains = std::map<ValueId, std::vector<double>>;

// Layers are matched by name. A channel's weights were scaled to end at the largest integer, which
// gives the gain exactly; where they were not (clipped, fine-tuned, one scale for all channels) it
// is the least-squares one.
ChannelGains channel_gains(const Graph& float_network, const Graph& integer);

// The gain of one output channel: `real` ≈ gain · `reference`, its stored and its float weights, in
// the order of each other. `step`: of the stored ones; `largest`: the largest integer. 1 where the
// float weights are all zero or the two do not point the same way.
double weight_gain(std::span<const double> real, std::span<const double> reference, double step,
                   double largest);

}  // namespace quant
