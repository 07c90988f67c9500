// SPDX-License-Identifier: MIT
// What everything that writes a layer of an integer graph works with.
#pragma once

#include "quant/graph/graph.h"
#include "quant/onnx/qdq_graph.h"
#include "quant/onnx/qdq_values.h"

namespace quant {

struct QdqContext {
  const Graph& graph;  // the integer graph
  int opset;
  bool exact;  // QdqOptions::exact
  QdqValues& values;
  QdqGraph& out;
};

}  // namespace quant
