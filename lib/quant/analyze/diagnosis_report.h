// SPDX-License-Identifier: MIT
// A diagnosis for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "quant/analyze/diagnosis.h"

namespace quant {

// The whole in one sentence.
std::string sentence_of(const Diagnosis& diagnosis);

// That sentence; per output what was found, with the ratio before and after; what to change; what
// the residual resembles where nothing explains it; what could not be tested.
std::string to_text(const Diagnosis& diagnosis);

// docs/diagnose.md lists the fields.
nlohmann::ordered_json to_json(const Diagnosis& diagnosis);

}  // namespace quant
