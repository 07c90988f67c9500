// SPDX-License-Identifier: MIT
// Activations of 16 bits can afford a range wider than what calibration saw, and need it: frames
// that it did not see exceed it, and one saturated value costs more than all rounding.
#pragma once

#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"

namespace quant {

// `ranges` with those of 16-bit values under `plan` twice as wide: rounding noise goes up by 6 dB
// and lies where 15 bits have it. `given` values keep the range that somebody asked for.
std::vector<Range> ranges_with_headroom(const Graph& graph, const QuantizationPlan& plan,
                                        const std::vector<ValueId>& given,
                                        std::vector<Range> ranges);

// Likewise of the channels of its outputs.
std::vector<OutputEncoding> encodings_with_headroom(const Graph& graph,
                                                    const QuantizationPlan& plan);

}  // namespace quant
