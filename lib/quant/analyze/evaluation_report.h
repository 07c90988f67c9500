// SPDX-License-Identifier: MIT
// An evaluation for people (text) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/analyze/evaluation.h"

namespace quant {

// Values of shares in percent, differences in points. What was left out is counted, not listed.
std::string to_text(const EvaluationReport& report);

// {"task", "method", "images", "boxes", "contexts", "confidence", "resamples", "seed", "figures":
// [{"name", "unit", "contexts": [{"name", "value", "difference", "low", "high"}]}], "classes":
// [{"name", "boxes", "contexts": [{"name", "ap50", "ap50_95"}]}], "left_out": [{"image",
// "reason"}], "remarks": [{"image", "remark"}], "unknown_boxes": {name: count}, "truth_unused"}.
// Units "%" (then differences are points) or "". The first context has no difference; null: there
// is no figure.
nlohmann::ordered_json to_json(const EvaluationReport& report);

}  // namespace quant
