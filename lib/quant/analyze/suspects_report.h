// SPDX-License-Identifier: MIT
// Findings for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "quant/analyze/suspects.h"

namespace quant {

// A check that could not be made, and why.
struct SkippedCheck {
  std::string check;  // "original", "calibration", …
  std::string reason;
};

struct SuspectsReport {
  std::vector<std::string> checked;
  std::vector<SkippedCheck> skipped;
  Findings findings;
};

std::int64_t count(const Findings& findings, Severity severity);

// Errors first, each with what it leads to and what to do; then what was not checked.
std::string to_text(const SuspectsReport& report);
// {"errors", "warnings", "notes", "findings": [{"id", "severity", "found", "consequence", "remedy",
// "evidence"}], "checked": […], "skipped": [{"check", "reason"}]}
nlohmann::ordered_json to_json(const SuspectsReport& report);

}  // namespace quant
