// SPDX-License-Identifier: MIT
#include "optimize_check.h"

#include <fmt/format.h>

#include "interrupt.h"
#include "progress_bar.h"

namespace quant::tool {

Result<std::vector<std::string>> check_before_optimize(const OptimizeCheck& check) {
  SuspectsTask task;
  QUANT_TRY_ASSIGN(Graph graph, read_onnx(check.onnx, check.read));
  QUANT_TRY_ASSIGN(task.model, make_suspect_model(std::move(graph), check.input));
  task.calibration = check.calib;
  task.frames = check.frames;
  task.first_frames = check.first_frames;
  // Enough for what errors are about; gst-quant check looks at more.
  constexpr std::int64_t kMostRun = 32;
  task.most_run = kMostRun;
  task.threads = check.threads;
  task.make_context = [&](ContextKind kind, ReferenceKind reference) {
    return make_context(ReferenceModel{check.onnx, check.read.input_shapes, check.read.end_nodes,
                                       check.read.external_data_dir},
                        kind, reference, check.threads);
  };
  Result<SuspectsReport> report = [&] {
    ProgressBar bar;
    task.progress = [&](std::string_view label, std::int64_t done, std::int64_t total) {
      bar.start(label);
      bar.update(done, total);
      return !interrupted();
    };
    return check_suspects(task);
  }();
  if (!report) return fail_with_context(std::move(report).error(), check.model);
  std::vector<std::string> warnings;
  std::string errors;
  for (const Finding& finding : report->findings) {
    if (finding.severity == Severity::kNote) continue;
    const SuspectText& text = text_of(finding.suspect);
    const bool accepted = check.accept_findings || (check.accept_few_images &&
                                                    finding.suspect == Suspect::kCalibrationTooFew);
    if (finding.severity == Severity::kError && !accepted) {
      errors +=
          fmt::format("\n  {}: {}. {} {}", text.id, finding.found, text.consequence, text.remedy);
    } else {
      warnings.push_back(fmt::format("{}: {}", text.id, finding.found));
    }
  }
  if (errors.empty()) return warnings;
  return fail(ErrorCode::kInvalidData,
              fmt::format("this takes long, and a look at the immediate suspects found:{}\n"
                          "--accept-findings goes on all the same; gst-quant check says more",
                          errors),
              check.model);
}

}  // namespace quant::tool
