// SPDX-License-Identifier: MIT
// calibration.json: what the calibration saw.
#pragma once

#include <nlohmann/json.hpp>

#include "quant/archive/archive.h"
#include "quant/archive/json_field.h"

namespace quant {

nlohmann::json calibration_to_json(const CalibrationStatistics& calibration);
Result<CalibrationStatistics> calibration_from_json(const JsonField& field);

}  // namespace quant
