// SPDX-License-Identifier: MIT
// Activations that stand at the end of networks, to be applied or undone outside of them.
#pragma once

#include <span>

namespace quant {

enum class OutputActivation { kSigmoid, kSoftmax, kRelu, kTanh };

const char* to_string(OutputActivation activation);  // "sigmoid", …

// In place, over the channels of one pixel.
void apply(OutputActivation activation, std::span<float> channels);
// The values before one application, where they were themselves made by the same activation
// (softmax: of probabilities that sum to one). kRelu has no inverse and leaves them. Values outside
// the activation's range become the nearest inside.
void undo(OutputActivation activation, std::span<float> channels);

}  // namespace quant
