// SPDX-License-Identifier: MIT
// What the engine lets a Concat do beyond ONNX's: join single channels of its inputs, in any order.
#pragma once

namespace quant {

// Integers, two for each step of the output along the axis: which input, and which step of that.
// Absent: all steps of all inputs, one input after another.
inline constexpr const char* kPicked = "quant.picked";

}  // namespace quant
