// SPDX-License-Identifier: MIT
// What the file of a quantized model says of its layers' weights, as lowering wants to know it.
#pragma once

#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"

namespace quant {

// Bits of every layer, by node of the lifted (lift_quantization) `graph`: activations as the file
// has them, weights 8 or 16 as their integers need. Unsupported, naming the layer, where its
// integers do not fit any form that a layer has here: scales that do not belong to output channels,
// or more than 16 bits without the zero point.
Result<QuantizationPlan> given_plan(const Graph& graph);

// Stored scales of a layer's weights, one for each of `channels` along `axis`; empty where the file
// gives none, or has them along another axis.
std::vector<float> scales_by_channel(const Value& weights, int axis, std::size_t channels);

}  // namespace quant
