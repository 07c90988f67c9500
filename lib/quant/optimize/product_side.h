// SPDX-License-Identifier: MIT
// From one side of a product of activations back to the layer with weights that makes it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/element_labels.h"

namespace quant {

// Labels number the positions along the contracted axis, matrix after matrix: k + K·matrix.
struct ProductSide {
  // A value that is rounded on the way. The side's operand is `factor` times it.
  struct Rounding {
    ValueId value = kNoValue;
    ElementLabels labels;  // kNoLabel: of the same tensor, but not of this side
    double factor = 1;
  };
  ElementLabels operand;            // labels of the product's input
  std::vector<Rounding> roundings;  // from the product to the maker
  std::vector<std::size_t> biases;  // Add nodes between, whose constants have one number a channel
  std::size_t maker = 0;            // node
  std::vector<std::int32_t> channels;  // label of each of the maker's output channels
};

// Input `side` (0 or 1) of `node`, a MatMul of two activations with equal batch axes. Nothing where
// something on the way does not commute with a scale of a position, or where another node reads
// these elements. `host`: nodes that have no integers. `untouched` values may not be scaled.
std::optional<ProductSide> trace_side(const Graph& graph, const std::vector<bool>& host,
                                      const std::vector<ValueId>& untouched, std::size_t node,
                                      std::size_t side);

// Multiplies channel c of what the side's maker puts out by factor[c].
void scale_maker(Graph& graph, const ProductSide& side, const std::vector<double>& factor);

}  // namespace quant
