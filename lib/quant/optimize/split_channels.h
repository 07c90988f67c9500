// SPDX-License-Identifier: MIT
// Finer steps than 8 bits have, by copies of 8 bits: a layer is computed several times, each time
// shifted by another part of a step, and who reads its channels reads the mean of the copies.
// Rounding errors of the copies differ as those of dithered samples do: N copies have the steps of
// N times as many integers. After channel splitting (Zhao et al., arXiv:1901.09504); all that runs
// is plain 8-bit layers.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"

namespace quant {

struct ChannelSplit {
  std::string layer;  // node of the float graph
  int copies = 2;     // ≥ 2
  double step = 0;    // of the integers that its activation becomes
};

// A float graph and what is known of it, by its nodes and ValueIds.
struct PlannedNetwork {
  Graph graph;
  QuantizationPlan plan;
  std::vector<Range> ranges;
};

// Whether copies of what the node makes can meet again: it is a convolution or an instance
// normalization with constant weights, and from there only pointwise functions, pooling and
// movement lead to convolutions without groups, and to these alone.
bool can_split(const Graph& graph, std::size_t node);

// The network with copies of those layers, and of all between them and the convolutions that read
// them. The mean of the copies is what the layer made before, but for what functions between bend
// within a step. Copy k of LAYER is named LAYER_copyK, K from 2; ValueIds stay, values are added. A
// copy has the plan and the range of what it is copied from. InvalidArgument where a layer is not
// there or cannot be split.
Result<PlannedNetwork> split_channels(const PlannedNetwork& network,
                                      std::span<const ChannelSplit> splits);

// Moves each copy of the layer by its part of the step; their mean stays. Constants may be added.
// split_channels() does it.
void shift_copies(Graph& graph, const ChannelSplit& split);

// Those that made `integer` of `network` (fp-optimized), read off the names of its layers and the
// parameters of what they make; in the order of the network.
std::vector<ChannelSplit> splits_of(const Graph& network, const Graph& integer);

// The step of what `node` makes in the integer graph, behind the functions that its layer took
// over; 0 where it is not there or has 16 bits.
double step_of(const Graph& network, std::size_t node, const Graph& integer);

}  // namespace quant
