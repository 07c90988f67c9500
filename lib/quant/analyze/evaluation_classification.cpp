// SPDX-License-Identifier: MIT
// Classification: is the right class the first, or among the first five?
#include <fmt/format.h>

#include <algorithm>

#include "quant/analyze/evaluation.h"
#include "quant/metrics/classification.h"

namespace quant {
namespace {

class ClassificationScorer final : public AccuracyScorer {
 public:
  ClassificationScorer(std::size_t contexts, std::size_t classes)
      : classes_(classes), ranks_(contexts) {}

  std::string problem_of(const Frame&, const ImageTruth& truth) const override {
    if (truth.label && static_cast<std::size_t>(*truth.label) < classes_) return {};
    return truth.label
               ? fmt::format("its class {} is none of the model's {}", *truth.label, classes_)
               : "the ground truth has no label for it";
  }

  Status add(const Frame& frame, const ImageTruth& truth,
             std::span<const std::vector<Tensor>> results) override {
    const auto label = static_cast<std::size_t>(*truth.label);
    for (std::size_t c = 0; c < ranks_.size(); ++c) {
      const Tensor& scores = results[c].front();
      if (scores.type() != DataType::kFloat32 ||
          scores.elements() != static_cast<std::int64_t>(classes_))
        return fail(ErrorCode::kInvalidArgument, "the scores have another type or size",
                    frame.name);
      // Scores that are not finite are a wrong answer.
      ranks_[c].push_back(rank_of(scores.data<float>(), label).value_or(classes_));
    }
    return {};
  }

  std::vector<Figure> figures() override {
    std::vector<Figure> figures;
    for (const std::size_t first : {std::size_t{1}, std::size_t{5}}) {
      if (first >= classes_) continue;
      Figure figure{fmt::format("top-{}", first), {}};
      for (const std::vector<std::size_t>& ranks : ranks_)
        figure.by_context.emplace_back([&ranks, first](std::span<const std::uint32_t> weights) {
          return share_below(ranks, first, weights);
        });
      figures.push_back(std::move(figure));
    }
    return figures;
  }

  void describe(EvaluationReport& report) const override {
    report.task = "classification";
    report.method = fmt::format("{} classes", classes_);
  }

 private:
  static std::optional<double> share_below(const std::vector<std::size_t>& ranks, std::size_t first,
                                           std::span<const std::uint32_t> weights) {
    std::uint64_t right = 0;
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      all += weights[i];
      right += ranks[i] < first ? weights[i] : 0;
    }
    if (all == 0) return std::nullopt;
    return static_cast<double>(right) / static_cast<double>(all);
  }

  std::size_t classes_;
  std::vector<std::vector<std::size_t>> ranks_;  // by context and image; classes_: no answer
};

}  // namespace

Result<std::unique_ptr<AccuracyScorer>> make_classification_scorer(
    std::size_t contexts, std::span<const TensorInfo> outputs) {
  if (outputs.size() != 1 || outputs[0].type != DataType::kFloat32 ||
      element_count(outputs[0].shape) < 2) {
    std::string names;
    for (const TensorInfo& output : outputs)
      names +=
          fmt::format("{}{} {}", names.empty() ? "" : ", ", output.name, to_string(output.shape));
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the ground truth has labels, and a classifier has one output of float32 "
                    "scores; this model has {}",
                    names));
  }
  return std::make_unique<ClassificationScorer>(
      contexts, static_cast<std::size_t>(element_count(outputs[0].shape)));
}

}  // namespace quant
