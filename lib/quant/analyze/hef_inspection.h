// SPDX-License-Identifier: MIT
// What a HEF says of itself, for people (text) and for programs (JSON).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/hef/hef_file.h"

namespace quant {

// {"file", "header": {"version", "message_bytes", "weight_bytes", "resource_bytes", "checksum"},
// "architecture", "runs_on", "sdk_version", "extensions": [{"id", "name", "text", "optional"}],
// "groups": [{"name", "networks", "contexts", "arrangements",
//   "views": [{"name", "direction", "type", "order", "size" [height, width, channels] or "boxes":
//     {"classes", "per_class"} or neither, "network"}],
//   "streams": [{"name", "direction", "content", "format", "type", "size", "layout": {"order",
//     "padded" [height, width, channels], "bytes"} or "layout_error", "scale", "zero_point",
//     "range" or "quant_error", "transposed", "context", "network", "original_names", and where
//     they apply "boxes", "piece_of", "host_operation", "parts" [streams], "normalization",
//     "normalization_evidence"}],
//   "host_operations": [{"name", "kind", "streams", "output", "score_threshold",
//     "iou_threshold"}]}]}
nlohmann::ordered_json inspect_hef(const HefFile& hef, const std::string& file);

// First what the vendor's `hailortcli parse-hef` prints, in its words, then what it does not.
std::string hef_inspection_text(const nlohmann::ordered_json& inspection);

}  // namespace quant
