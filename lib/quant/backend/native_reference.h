// SPDX-License-Identifier: MIT
// Our own reader and float executor behind the Backend interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/backend/reference.h"
#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

// Reads the model and runs it: the reference where no other runtime can. Never independent: our
// reader made the graph.
Result<std::unique_ptr<Backend>> make_native_reference(const ReferenceModel& model, int threads);

// Names, types and shapes of values, in order.
std::vector<TensorInfo> describe(const Graph& graph, const std::vector<ValueId>& values);

}  // namespace quant
