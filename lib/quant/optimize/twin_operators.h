// SPDX-License-Identifier: MIT
// The float operators with gradients: what a node computes, in torch. Includes torch: only sources
// of fine-tuning do.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "quant/graph/graph.h"

namespace quant::tuning {

// Whether evaluate() knows the node.
bool has_gradient(const Graph& graph, const Node& node);

// All outputs of a node of a float graph; `inputs` as the node's (undefined where absent or not
// float). Shapes, axes and the like come from constants of `graph`. Precondition: has_gradient.
std::vector<at::Tensor> evaluate(const Graph& graph, const Node& node,
                                 const std::vector<at::Tensor>& inputs);

// Convolutions and products in the integer graph's form (lower.h), bias apart.
at::Tensor weighted(const Node& node, const at::Tensor& x, const at::Tensor& weights,
                    const at::Tensor& bias);

}  // namespace quant::tuning
