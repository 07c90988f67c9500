// SPDX-License-Identifier: MIT
// Rewrites a float graph into one that computes the same wanted values faster. Inner part of
// FloatExecutor: the operators' own attributes (quant.…) that it makes exist in no other graph.
#pragma once

#include <vector>

#include "quant/graph/graph.h"

namespace quant {

struct FloatGraph {
  Graph graph;
  std::vector<ValueId> wanted;  // in `graph`
};

// Lets convolutions add a tensor and apply an activation to their results on the way out, where
// nobody else reads what lies between. Types and shapes of all values that can be known must be
// filled in.
void fuse_into_convolutions(FloatGraph& float_graph);

// Follows what only moves whole channels of one image (Concat, Split, the reshapes and transposes
// of a channel shuffle): where somebody reads such a value, one node picks its channels from where
// they were computed. Types and shapes as above; they stay known. What nobody needs any more stays.
void pick_channels(FloatGraph& float_graph);

// Lets images lie with their channels last wherever operators have such a form: convolution kernels
// need it (quant/graph/operators/onednn.cpp says why), and what stands between two convolutions
// then need not turn them. Transposes appear where a tensor leaves; wanted values and inputs keep
// ONNX's order. Types and shapes as above; afterwards they are known of inputs and constants only.
Result<FloatGraph> with_channels_last(const FloatGraph& float_graph);

}  // namespace quant
