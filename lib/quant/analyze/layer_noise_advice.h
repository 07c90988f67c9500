// SPDX-License-Identifier: MIT
// Which layers cost most, and what to try about each: a rule of thumb read off the figures, not a
// promise.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "quant/analyze/layer_noise.h"
#include "quant/archive/archive.h"

namespace quant {

struct LayerAdvice {
  std::size_t layer = 0;  // index into NoiseReport::layers
  std::string text;       // one line: what is wrong and what helps
  std::string script;     // the model-script line that does it; may be empty
};

// An output below this is what toolchains call degraded.
inline constexpr double kLowSnrDb = 10;

// The worst first: by noise at the model's outputs where the full analysis was made, else by the
// noise that a layer itself brings in. Layers without noise of their own, as
// those that only move integers, are never listed.
std::vector<LayerAdvice> advise(const NoiseReport& report, std::size_t most = 5);

// What is to be looked at before any layer: the calibration set, outputs below kLowSnrDb.
std::vector<std::string> general_remarks(const NoiseReport& report,
                                         const CalibrationStatistics& calibration);

}  // namespace quant
