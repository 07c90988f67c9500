// SPDX-License-Identifier: MIT
// What is inside a model file, for people (text) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/backend/model.h"
#include "quant/base/result.h"

namespace quant {

// {"file", "input": {"name", "width", "height", "color", "mean", "std"}, "isa", "memory":
// {"weights_bytes", "arena_bytes", "scratch_bytes"}, "layers": [{"name", "op", "original_names",
// "shape", "type", "weights" (their type, where there are any), "scale", "zero_point", "range",
// "kernels", "live_bytes" (of activations while it runs, where it runs by itself)}], "raw_outputs":
// [{"name", "type", "shape", "scale", "zero_point"}], "host_layers": [{"name", "op",
// "original_names"}], "outputs": [{"name", "type", "shape"}], "calibration": {"method", "images",
// "skipped", "repeated", "single_color"}, "options"}. Errors of the plan (GST_QUANT_ISA, a graph
// without a kernel).
Result<nlohmann::ordered_json> inspect_model(const Model& model);
// {"file", "inputs", "layers": [{"name", "op", "original_names", "shape"}], "outputs"} of a float
// graph.
nlohmann::ordered_json inspect_graph(const Graph& graph);

// Either of them as a table; a line shows where the host takes over.
std::string inspection_text(const nlohmann::ordered_json& inspection);

}  // namespace quant
