// SPDX-License-Identifier: MIT
#include "quant/analyze/evaluation.h"

#include <fmt/format.h>

#include <utility>

namespace quant {

Evaluation::Evaluation(GroundTruth truth, std::vector<std::string> contexts,
                       std::unique_ptr<AccuracyScorer> scorer, const BootstrapOptions& bootstrap)
    : truth_(std::move(truth)), scorer_(std::move(scorer)) {
  report_.contexts = std::move(contexts);
  report_.bootstrap = bootstrap;
  report_.unknown_boxes = truth_.unknown_classes();
}

Result<Evaluation> Evaluation::create(GroundTruth truth, std::vector<std::string> contexts,
                                      std::span<const TensorInfo> outputs, const InputSpec& input,
                                      const EvaluationOptions& options) {
  std::unique_ptr<AccuracyScorer> scorer;
  switch (truth.kind()) {
    case GroundTruth::Kind::kLabels: {
      QUANT_TRY_ASSIGN(scorer, make_classification_scorer(contexts.size(), outputs));
      break;
    }
    case GroundTruth::Kind::kBoxes: {
      QUANT_TRY_ASSIGN(
          scorer, make_detection_scorer(contexts.size(), outputs, input, truth.classes(), options));
      break;
    }
  }
  return Evaluation(std::move(truth), std::move(contexts), std::move(scorer), options.bootstrap);
}

bool Evaluation::accepts(const Frame& frame) {
  const ImageTruth* const truth = truth_.find(frame.name);
  std::string problem;
  if (truth == nullptr) {
    problem = "the ground truth does not have it";
  } else {
    problem = truth->problem.empty() ? scorer_->problem_of(frame, *truth) : truth->problem;
  }
  if (problem.empty()) return true;
  report_.left_out.push_back({frame.name, std::move(problem)});
  return false;
}

Status Evaluation::add_frame(const Frame& frame, std::span<const std::vector<Tensor>> results) {
  const ImageTruth* const truth = truth_.find(frame.name);
  if (truth == nullptr || results.size() != report_.contexts.size())
    return fail(ErrorCode::kInternal, "was not accepted, or results are missing", frame.name);
  QUANT_TRY(scorer_->add(frame, *truth, results));
  for (const std::string& remark : truth->remarks) report_.remarks.push_back({frame.name, remark});
  ++report_.images;
  return {};
}

Result<EvaluationReport> Evaluation::report() {
  if (report_.images == 0) {
    const std::string first = report_.left_out.empty()
                                  ? ""
                                  : fmt::format("; {}: {}", report_.left_out.front().image,
                                                report_.left_out.front().text);
    return fail(ErrorCode::kNotFound, "no image has ground truth to compare with" + first);
  }
  EvaluationReport report = report_;
  report.truth_unused = static_cast<std::int64_t>(truth_.size()) - report.images;
  for (const ImageRemark& image : report.left_out)
    report.truth_unused -= truth_.find(image.image) != nullptr ? 1 : 0;
  for (AccuracyScorer::Figure& figure : scorer_->figures()) {
    EvaluatedFigure evaluated;
    evaluated.name = std::move(figure.name);
    for (const ResampledFigure& context : figure.by_context)
      evaluated.values.push_back(
          context(std::vector<std::uint32_t>(static_cast<std::size_t>(report.images), 1)));
    evaluated.intervals = paired_differences(static_cast<std::size_t>(report.images),
                                             figure.by_context, report.bootstrap);
    report.figures.push_back(std::move(evaluated));
  }
  scorer_->describe(report);
  return report;
}

}  // namespace quant
