// SPDX-License-Identifier: MIT
// Where the elements of a tensor come from: follows them back through layers that only move them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/passes/rewire.h"

namespace quant {

// One label for every element of a tensor, row-major.
using ElementLabels = std::vector<std::int32_t>;
// Of an element that arrives nowhere.
inline constexpr std::int32_t kNoLabel = -1;

// Labels 0, 1, … of a tensor's indices along `axis`.
ElementLabels labels_by_axis(const Shape& shape, std::size_t axis);

// Whether `node` only moves or joins activations.
bool moves_elements(const Graph& graph, const Node& node);

// Whether a node that only does so made `id`.
bool is_moved(const Graph& graph, const Topology& topology, ValueId id);

// Labels of what `node` reads, such that each element has the label of the place where `node` puts
// it. `outputs` are those of its outputs (empty: kNoLabel all over). One entry per input, empty for
// constants. Nothing where `node` does more than move or join activations, where an element goes to
// places of unlike labels, or where tensors have more than 2^24 elements.
std::optional<std::vector<ElementLabels>> labels_before(const Graph& graph, const Node& node,
                                                        std::span<const ElementLabels> outputs);

// Gives the elements of `labels` that have none those of `more`, which has one for each. False
// where the two disagree.
bool add_labels(const ElementLabels& more, ElementLabels& labels);

// The label of each index along `axis`, where labels depend on nothing else; elements without one
// count as any.
std::optional<std::vector<std::int32_t>> labels_along(const ElementLabels& labels,
                                                      const Shape& shape, std::size_t axis);

}  // namespace quant
