// SPDX-License-Identifier: MIT
// A graph as JSON, its constants as parameters. docs/archive.md lists the fields.
#pragma once

#include <nlohmann/json.hpp>

#include "quant/archive/json_field.h"
#include "quant/archive/parameters.h"
#include "quant/base/result.h"
#include "quant/graph/graph.h"

namespace quant {

nlohmann::json graph_to_json(const Graph& graph, ParameterWriter& parameters);

// Every id lies within the values, every shape within kMaxElements, every constant is as declared;
// quantization parameters are positive, finite and as many as the axis is long, zero points within
// their type (but for the graph's inputs, where they are the mean of a normalization); the graph
// passed verify(). What the operators make of their attributes is for their own checks
// (IntegerPlan::create, prepare_node). Errors name field or tensor.
Result<Graph> graph_from_json(const JsonField& field, ParameterReader& parameters);

}  // namespace quant
