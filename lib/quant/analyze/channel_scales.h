// SPDX-License-Identifier: MIT
// Channels that equalization scaled (equalize.h), and layers in several copies: the float network
// as the integers have it inside, so that tensor can be held against tensor.
#pragma once

#include <set>
#include <span>
#include <string>

#include "quant/graph/graph.h"

namespace quant {

struct ScaledNetwork {
  Graph network;
  std::set<std::string> scaled;  // values with a channel outside 0.8 … 1.25 of what it was
};

// `network` (fp-optimized) as the same function, its channels scaled as those of `integer`, which
// lower() made of it. Layers are matched by name. The scales are read off the weights on both
// sides: a channel's weights end at the largest integer, which gives its scale exactly; where they
// do not (clipped, fitted, fine-tuned, one scale for all channels) it is the one of least squares.
// Unchanged where nothing was scaled. ValueIds and names stay; constants may be added.
ScaledNetwork with_channel_scales(const Graph& network, const Graph& integer);

// The same with the copies of layers that `integer` has (split_channels.h): the function stays but
// for what bends within a step. Errors of split_channels().
Result<ScaledNetwork> with_copies_and_scales(const Graph& network, const Graph& integer);

// How weights of an output channel were scaled: `real` ≈ scale · `reference`, its stored and its
// float weights, in the order of each other.
struct WeightScale {
  double scale = 1;
  bool exact = false;  // every weight is what rounding to the nearest step makes of it
};

// `steps`: of the stored weights; `largest`: what the largest integer stands for. 1 where the float
// weights are all zero or the two do not point the same way.
WeightScale weight_scale(std::span<const double> real, std::span<const double> reference,
                         std::span<const double> steps, double largest);

}  // namespace quant
