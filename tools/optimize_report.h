// SPDX-License-Identifier: MIT
// What gst-quant optimize says at the end, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "quant/optimize/optimizer.h"
#include "quant/vision/frame_source.h"

namespace quant::tool {

struct OptimizeReport {
  std::string output;  // the archive
  std::string method;  // how ranges were chosen
  FrameSourceSummary frames;
  std::vector<std::string> warnings;  // about the calibration set
};

nlohmann::ordered_json report_json(const OptimizeReport& report, const OptimizedModel& optimized);
// Ends with a line end.
std::string report_text(const OptimizeReport& report, const OptimizedModel& optimized);

}  // namespace quant::tool
