// SPDX-License-Identifier: MIT
#pragma once

#include <span>

#include "quant/graph/graph.h"
#include "quant/optimize/channel_classes.h"

namespace quant {

// `graph`, whose classes they are, with every channel of class u divided by scale[u] > 0 and the
// weights that read it multiplied: the same function. ValueIds stay; constants may be added.
void scale_channels(Graph& graph, const ChannelClasses& classes, std::span<const double> scale);

}  // namespace quant
