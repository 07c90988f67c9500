// SPDX-License-Identifier: MIT
// The float part behind the integers, in ONNX as it is.
#pragma once

#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/onnx/qdq_graph.h"

namespace quant {

// Adds the nodes of `host`; `inputs` are the tensors that stand for its inputs, in order. Then
// declares its outputs under their own names. Errors name the layer or output. Precondition:
// oldest_opset allows `opset`, and `out` reserves the names of all values that nodes make.
Status write_host_part(const Graph& host, const std::vector<std::string>& inputs, int opset,
                       QdqGraph& out);

}  // namespace quant
