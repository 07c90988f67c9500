// SPDX-License-Identifier: MIT
#include "quant/analyze/suspects_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "quant/optimize/step_progress.h"
#include "quant/passes/lift_quantization.h"
#include "quant/vision/frame_source.h"

namespace quant {
namespace {

// Frames that an independent runtime and the normalization check look at.
constexpr std::size_t kFewFrames = 4;

// A set of frames, looked at once.
struct Survey {
  FrameSurvey frames;
  ActivationSurvey activations;
  std::vector<Frame> few;
};

Result<Survey> survey(const std::filesystem::path& path, const SuspectsTask& task,
                      const Survey* limits) {
  const SuspectModel& model = task.model;
  QUANT_TRY_ASSIGN(FrameSource source, FrameSource::open(path, model.input, task.frames));
  QUANT_TRY_ASSIGN(
      ActivationSurvey activations,
      ActivationSurvey::create(model.optimized, domain_tensors(*model.optimized), task.threads,
                               limits == nullptr ? nullptr : &limits->activations));
  Survey result{FrameSurvey(model.input), std::move(activations), {}};
  // The network runs on frames from all over the set, so that a sorted folder or a long video is
  // not judged by its beginning.
  std::int64_t total = source.count().value_or(0);
  if (task.first_frames > 0 && total > 0) total = std::min(total, task.first_frames);
  const std::int64_t step = task.most_run > 0 ? (total + task.most_run - 1) / task.most_run : 1;
  while (task.first_frames == 0 || source.summary().frames < task.first_frames) {
    QUANT_TRY_ASSIGN(std::optional<Frame> frame, source.next());
    if (!frame) break;
    QUANT_TRY_ASSIGN(const Tensor pixels, pixels_of(*frame, model.input));
    result.frames.add(*frame, pixels);
    const bool room = task.most_run == 0 || result.activations.frames() < task.most_run;
    if (room && (step <= 1 || frame->index % step == 0)) {
      QUANT_TRY(result.activations.add(pixels));
      if (result.few.size() < kFewFrames) result.few.push_back(std::move(*frame));
    }
    const char* label = limits == nullptr ? "looking at the set" : "looking at the test set";
    if (task.progress && !task.progress(label, source.summary().frames, total))
      return fail_stopped();
  }
  result.frames.set_skipped(source.summary().skipped);
  return result;
}

// An independent runtime; where there is none, what each said.
Result<std::unique_ptr<Context>> make_original(const SuspectsTask& task) {
  auto onnxruntime = task.make_context(ContextKind::kOriginal, ReferenceKind::kOnnxRuntime);
  if (onnxruntime) return onnxruntime;
  auto opencv = task.make_context(ContextKind::kOriginal, ReferenceKind::kOpenCv);
  if (opencv) return opencv;
  return fail(
      ErrorCode::kUnavailable,
      fmt::format("no independent runtime can run this model (ONNX Runtime: {}; OpenCV: {})",
                  onnxruntime.error().text(), opencv.error().text()));
}

void append(SuspectsReport& report, std::string check, Findings findings) {
  report.checked.push_back(std::move(check));
  for (Finding& finding : findings) report.findings.push_back(std::move(finding));
}

Status check_on_frames(const SuspectsTask& task, const Survey& set, SuspectsReport& report) {
  const SuspectModel& model = task.model;
  auto original = make_original(task);
  if (original) {
    QUANT_TRY_ASSIGN(const auto native,
                     task.make_context(ContextKind::kNative, ReferenceKind::kNative));
    const double least_db = is_quantized(*model.native) ? kSameQuantizedModelDb : kSameModelDb;
    QUANT_TRY_ASSIGN(Findings findings, check_original(**original, *native, set.few, least_db));
    append(report, "original", std::move(findings));
  } else {
    report.skipped.push_back({"original", original.error().text()});
  }
  QUANT_TRY_ASSIGN(Findings findings, check_normalization(model, set.frames, set.few));
  append(report, "normalization", std::move(findings));
  append(report, "activations", check_activations(model, set.activations));
  append(report, "activity", check_activity(model, set.activations));
  append(report, "merged outputs", check_merged_outputs(model, set.activations));
  return {};
}

}  // namespace

Result<SuspectsReport> check_suspects(const SuspectsTask& task) {
  SuspectsReport report;
  std::optional<Survey> calibration;
  std::optional<Survey> data;
  if (!task.calibration.empty()) {
    QUANT_TRY_ASSIGN(calibration, survey(task.calibration, task, nullptr));
  }
  if (!task.data.empty()) {
    QUANT_TRY_ASSIGN(data, survey(task.data, task, calibration ? &*calibration : nullptr));
  }
  if (calibration) {
    append(report, "calibration", check_calibration(calibration->frames));
  } else if (task.record) {
    append(report, "calibration", check_calibration_record(*task.record));
  } else {
    report.skipped.push_back({"calibration", "no --calib"});
  }
  if (calibration && data) {
    append(report, "domain",
           check_domain(calibration->frames, data->frames, calibration->activations,
                        data->activations));
  } else {
    report.skipped.push_back({"domain", "needs --calib and --data"});
  }
  append(report, "weights", check_weights(task.model));
  if (calibration || data) {
    QUANT_TRY(check_on_frames(task, calibration ? *calibration : *data, report));
  } else {
    for (const char* name :
         {"original", "normalization", "activations", "activity", "merged outputs"})
      report.skipped.push_back({name, "needs frames: --calib or --data"});
  }
  return report;
}

}  // namespace quant
