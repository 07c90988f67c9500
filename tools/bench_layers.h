// SPDX-License-Identifier: MIT
// Where the time of a frame goes, step by step of the emulator's plan.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/backend/context.h"
#include "quant/backend/model.h"

namespace quant::tool {

// A list of {"name": the layer, "kernel", "median_us"} in the order in which they run: medians over
// `frames` runs of `frame`.
Result<nlohmann::ordered_json> time_layers(const Model& model, const Frame& frame, int frames,
                                           int threads);
// As a table, the longest first.
std::string layers_text(const nlohmann::ordered_json& layers);

}  // namespace quant::tool
