// SPDX-License-Identifier: MIT
// The immediate suspects: what is usually wrong when a quantized network loses its accuracy, looked
// for before anybody quantizes. docs/check.md is the same list for people.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "quant/analyze/suspects_survey.h"
#include "quant/archive/archive.h"
#include "quant/backend/context.h"
#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"

namespace quant {

enum class Suspect {
  kOriginalDiffers,
  kCalibrationTooFew,
  kCalibrationUnreadable,
  kCalibrationRepeated,
  kCalibrationNearDuplicates,
  kCalibrationSingleColor,
  kCalibrationNoise,
  kCalibrationOutOfDomain,
  kNormalizationMissing,
  kNormalizationDoubled,
  kNormalizationMismatch,
  kValuesNotFinite,
  kWeightsUnbalanced,
  kActivationsUnbalanced,
  kLayerDead,
  kOutputConstant,
  kOutputNeverActivates,
  kOutputMerged,
};

// What does not depend on the case.
struct SuspectText {
  Suspect suspect;
  const char* id;           // "calibration-too-few"
  const char* consequence;  // one sentence
  const char* remedy;       // one sentence or two
};

// One per enumerator, in their order.
std::span<const SuspectText> suspect_texts();
const SuspectText& text_of(Suspect suspect);

enum class Severity { kNote, kWarning, kError };
const char* to_string(Severity severity);  // "note", "warning", "error"

struct Finding {
  Suspect suspect = Suspect::kOriginalDiffers;
  Severity severity = Severity::kNote;
  std::string found;                // with numbers and names
  nlohmann::ordered_json evidence;  // the same for programs, complete
  std::string advice;               // this case's own; behind the general remedy
};
using Findings = std::vector<Finding>;

// A model as the checks see it.
struct SuspectModel {
  InputSpec input;
  std::shared_ptr<const Graph> native;     // as read: ONNX's own names
  std::shared_ptr<const Graph> optimized;  // what is quantized
};
Result<SuspectModel> make_suspect_model(Graph native, const InputSpec& input);

// Each check is one subject and finds nothing where all is well.

// The importer: both contexts on a few frames. Errors of a context.
inline constexpr double kSameModelDb = 60;
// Of a model that is quantized already: one value that falls to the other side of a tie moves
// others.
inline constexpr double kSameQuantizedModelDb = 10;
Result<Findings> check_original(Context& original, Context& native, std::span<const Frame> frames,
                                double least_db = kSameModelDb);

// The calibration set: size, repetitions, near-duplicates, single colours, noise, unreadable files.
inline constexpr std::int64_t kFewestFrames = 16;
inline constexpr std::int64_t kUsualFrames = 64;
Findings check_calibration(const FrameSurvey& frames);
// The same from what an archive remembers of it, as far as that goes.
Findings check_calibration_record(const CalibrationStatistics& calibration);

// Whether the calibration set stands for the test set. `data` was made with `calibration` as its
// limits, both with domain_tensors() sampled.
Findings check_domain(const FrameSurvey& calibration_frames, const FrameSurvey& data_frames,
                      const ActivationSurvey& calibration, const ActivationSurvey& data);

// Normalization missing, doubled, or another one than the floats of a set have. Runs the first
// layers of the native graph on `few` frames.
Result<Findings> check_normalization(const SuspectModel& model, const FrameSurvey& frames,
                                     std::span<const Frame> few);

// Channels of one layer whose ranges differ too much for one scale.
inline constexpr double kUnbalanced = 100;
Findings check_weights(const SuspectModel& model);
Findings check_activations(const SuspectModel& model, const ActivationSurvey& survey);

// Tensors that are NaN or infinite, dead layers, outputs that are constant or never activate.
Findings check_activity(const SuspectModel& model, const ActivationSurvey& survey);

// Outputs that merge values of different kinds.
inline constexpr double kMergedRatio = 10;
Findings check_merged_outputs(const SuspectModel& model, const ActivationSurvey& survey);

}  // namespace quant
