// SPDX-License-Identifier: MIT
// Attributes that nodes of an integer graph have and ONNX does not know.
#pragma once

#include "quant/graph/attributes.h"

namespace quant {

// 4 where that is fewer than the weights' type has.
inline constexpr const char* kWeightBits = "weight_bits";
// Of 4-bit weights in groups: input channels of a group, and the multiple of the output channel's
// scale that is a group's step, uint8 (outputs, groups of an output).
inline constexpr const char* kWeightGroupSize = "weight_group_size";
inline constexpr const char* kWeightMultiples = "weight_multiples";

// Without these, and without the bounds of a fused activation.
Attributes without_integer_attributes(Attributes attributes);

}  // namespace quant
