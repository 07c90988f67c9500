// SPDX-License-Identifier: MIT
// Names of layers as accelerator toolchains give them: a prefix for the kind and a counter from 1.
#pragma once

#include <string>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// conv, dw (depthwise: as many groups as channels), deconv, fc (Gemm or MatMul with constant
// weights), matmul, maxpool, avgpool, resize, ew_add, ew_sub, ew_mult, ew_div, concat, slice,
// feature_splitter, softmax, normalization, batch_norm, reduce_sum, reshape, transpose, activation,
// const_input, …; otherwise the operator's name in snake_case.
std::string layer_prefix(const Graph& graph, const Node& node);

// Names all nodes anew in their order: conv1, dw1, conv2, … Passes call it after they have fused
// nodes.
void name_layers(Graph& graph);

// input_layer1, … and output_layer1, …: one for each of the graph's inputs and outputs, in order.
std::vector<std::string> input_layer_names(const Graph& graph);
std::vector<std::string> output_layer_names(const Graph& graph);

}  // namespace quant
