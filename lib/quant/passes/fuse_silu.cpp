// SPDX-License-Identifier: MIT
#include "quant/passes/fuse_silu.h"

#include "quant/passes/rewire.h"

namespace quant {

void fuse_silu(Graph& graph) {
  const Topology topology(graph);
  for (Node& product : graph.nodes) {
    if (product.op != OpKind::kMul) continue;
    for (std::size_t side = 0; side < 2; ++side) {
      const ValueId gate = product.inputs[side];
      const ValueId x = product.inputs[1 - side];
      const auto maker = topology.producer(gate);
      if (!maker || !topology.only_reader(gate) || graph.value(gate).quant) continue;
      const Node& sigmoid = graph.nodes[*maker];
      if (sigmoid.op != OpKind::kSigmoid || sigmoid.inputs[0] != x) continue;
      product.op = OpKind::kSilu;
      product.inputs = {x};
      product.original_names.insert(product.original_names.begin(), sigmoid.original_names.begin(),
                                    sigmoid.original_names.end());
      break;
    }
  }
  remove_unused(graph);
}

}  // namespace quant
