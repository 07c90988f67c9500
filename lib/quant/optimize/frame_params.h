// SPDX-License-Identifier: MIT
// How the uint8 frame enters the integer graph: as it is, with the normalization inside its
// quantization parameters.
#pragma once

#include <optional>

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// Scale 1, zero point 0: integers are pixels.
QuantParams pixel_params();

// Parameters under which the frame's integers stand for normalized values: scale 1/std, zero point
// mean, so that no layer is needed. One value where all channels agree and the mean is an integer;
// one per channel where only convolutions read the normalized input (they take the scale into their
// weights; padding is the rounded mean, and its remainder goes into the bias). Nothing where
// neither holds: then the normalization is a layer.
std::optional<QuantParams> frame_params(const Graph& graph, const InputSpec& input,
                                        const std::vector<bool>& host);

}  // namespace quant
