// SPDX-License-Identifier: MIT
// Decides the quantization parameters of every materialized activation, and which of them are one
// and the same.
#pragma once

#include <optional>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/optimize/observer.h"
#include "quant/optimize/pointwise.h"

namespace quant {

struct SharedParams {
  std::vector<std::optional<QuantParams>> params;
  std::vector<ValueId> from_ranges;  // those whose ranges were looked at, moved ones left out
};

// By ValueId; empty for constants, host values and links of chains. Movement keeps its input's
// parameters; an input of a concatenation that nothing else reads takes the output's, so that it is
// written without a second rounding. `bits` of every value, 8 or 16; values of unlike bits share
// nothing. `fixed` are decided beforehand (the frame, the tensors that the model quantizes itself):
// all share them that share with one of these, and two that differ share nothing.
SharedParams share_params(const Graph& graph, const std::vector<bool>& host,
                          const PointwiseChains& chains, const std::vector<Range>& ranges,
                          const std::vector<int>& bits,
                          const std::vector<std::optional<QuantParams>>& fixed);

}  // namespace quant
