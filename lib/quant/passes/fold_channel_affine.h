// SPDX-License-Identifier: MIT
// Folds what follows a convolution or fully connected layer and is affine per output channel (batch
// normalization, multiplication with and addition of constants) into its weights and bias.
#pragma once

#include "quant/graph/graph.h"

namespace quant {

// y = scale[c]·(W x + b) + shift[c] becomes one layer, computed in double and rounded once. Only
// where the layer's output has no other reader and is no graph output. A layer without bias gets
// one where needed. Weights that other nodes read too are copied; where the model has stored them
// as integers these stay, and their scales change. Nothing is folded over a tensor that the model
// quantizes.
Status fold_channel_affine(Graph& graph);

}  // namespace quant
