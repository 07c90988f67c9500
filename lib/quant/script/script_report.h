// SPDX-License-Identifier: MIT
// What a script says, for people (text) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "quant/script/model_script.h"
#include "quant/script/resolve.h"

namespace quant {

// {"file", "errors": [{"line", "column", "message"}], "without_effect": [{"what", "lines"}]}.
nlohmann::ordered_json script_report(const ModelScript& script, std::vector<Diagnostic> errors);

// Adds "layers": [{"name", "type", "original_names", "precision", "bias_mode",
// "quantization_groups", "weight_group_size", "activation_clipping", "weights_clipping",
// "force_range_in", "force_range_out", "output_activation"}]. Each setting is {"value", "line"};
// line 0 is the default; what no line sets is absent, except precision, bias_mode and
// quantization_groups.
void add_layers(nlohmann::ordered_json& report, std::span<const EffectiveSettings> layers);

// Either of them without the errors; those are shown by render().
std::string script_report_text(const nlohmann::ordered_json& report);

}  // namespace quant
