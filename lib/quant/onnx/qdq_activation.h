// SPDX-License-Identifier: MIT
// The activation that a layer of the integer graph has fused: Relu or Clip in front of
// QuantizeLinear.
#pragma once

#include <string>

#include "quant/onnx/qdq_context.h"

namespace quant {

// What to quantize: `computed`, or what the activation of `node` makes of it. `in_steps`: it is in
// units of the output's scale, relative to its zero point.
std::string add_activation(const QdqContext& context, const Node& node, const std::string& computed,
                           bool in_steps);

}  // namespace quant
