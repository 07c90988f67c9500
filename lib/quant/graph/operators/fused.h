// SPDX-License-Identifier: MIT
// What the engine lets a convolution do to its results on the way out. Attributes of ours on a Conv
// node; no ONNX operator has them.
#pragma once

#include "quant/graph/attributes.h"
#include "quant/graph/operators/onednn.h"

namespace quant {

// Text: the operator that was fused: "Relu", "LeakyRelu", "Clip", "Sigmoid" or "Silu".
inline constexpr const char* kFusedActivation = "quant.activation";
// Numbers: slope of LeakyRelu or lower bound of Clip; upper bound of Clip.
inline constexpr const char* kFusedAlpha = "quant.activation_alpha";
inline constexpr const char* kFusedBeta = "quant.activation_beta";
// Integer: 1 where Conv has a fourth input, of the output's shape, that is added before the
// activation.
inline constexpr const char* kFusedAddition = "quant.addend";
inline constexpr std::size_t kFusedAddend = 3;

Result<onednn::PostOps> read_fused(const Attributes& attributes);

}  // namespace quant
