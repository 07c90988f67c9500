// SPDX-License-Identifier: MIT
// All suspects in their order: looks at the sets once and puts every check's findings together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "quant/analyze/suspects.h"
#include "quant/analyze/suspects_report.h"
#include "quant/backend/context.h"
#include "quant/vision/frame.h"

namespace quant {

struct SuspectsTask {
  SuspectModel model;
  std::filesystem::path calibration;  // frames; empty: none
  std::filesystem::path data;         // frames that those shall stand for; empty: none
  FrameOptions frames;
  std::int64_t first_frames = 0;  // only these of a set are looked at; 0: all
  // The network runs on at most so many of them, from all over the set; 0: all.
  std::int64_t most_run = 128;
  int threads = 1;
  // Of a model that was calibrated before: stands for `calibration` where that is empty.
  std::optional<CalibrationStatistics> record;
  // The model as original and native.
  std::function<Result<std::unique_ptr<Context>>(ContextKind, ReferenceKind)> make_context;
  // Called at every frame with what is looked at; false ends the work with an error.
  std::function<bool(std::string_view label, std::int64_t done, std::int64_t total)> progress;
};

// What cannot be checked is listed with its reason. Errors: a set that cannot be read, a context
// that fails.
Result<SuspectsReport> check_suspects(const SuspectsTask& task);

}  // namespace quant
