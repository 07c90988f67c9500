// SPDX-License-Identifier: MIT
// Detection: average precision of the decoded boxes, in pixels of the images.
#include <fmt/format.h>

#include <algorithm>

#include "quant/analyze/evaluation.h"
#include "quant/metrics/average_precision.h"
#include "quant/vision/box_mapping.h"

namespace quant {
namespace {

class DetectionScorer final : public AccuracyScorer {
 public:
  DetectionScorer(std::size_t contexts, const InputSpec& input, const ClassNames& classes,
                  std::unique_ptr<DetectionDecoder> decoder, const EvaluationOptions& options)
      : input_(input),
        classes_(classes),
        decoder_(std::move(decoder)),
        options_(options),
        matches_(contexts) {}

  std::string problem_of(const Frame& frame, const ImageTruth& truth) const override {
    const Box image{0, 0, double{1} * frame.image_width, double{1} * frame.image_height};
    for (const TruthBox& box : truth.boxes) {
      if (box.label >= decoder_->classes())
        return fmt::format("a box has class {}, which is none of the model's {}", box.label,
                           decoder_->classes());
      if (intersection_area(box.box, image) <= 0)
        return fmt::format("a box at {:g}, {:g} lies outside of the image of {}x{} pixels",
                           box.box.left, box.box.top, frame.image_width, frame.image_height);
    }
    return {};
  }

  Status add(const Frame& frame, const ImageTruth& truth,
             std::span<const std::vector<Tensor>> results) override {
    const Placement place = place_image(frame.image_width, frame.image_height, input_.width,
                                        input_.height, options_.resize);
    for (std::size_t c = 0; c < matches_.size(); ++c) {
      auto found = decoder_->run(results[c], options_.detection);
      if (!found) return fail_with_context(std::move(found).error(), frame.name);
      for (Detection& detection : *found)
        detection.box = to_image(detection.box, place, frame.image_width, frame.image_height);
      matches_[c].push_back(match_detections(*found, truth.boxes, options_.most_detections));
    }
    return {};
  }

  std::vector<Figure> figures() override {
    precision_.clear();
    for (const std::vector<ImageMatches>& images : matches_) precision_.emplace_back(images);
    Figure ap50{"AP50", {}};
    Figure ap50_95{"AP50-95", {}};
    for (const AveragePrecision& precision : precision_) {
      ap50.by_context.emplace_back(
          [&precision](std::span<const std::uint32_t> weights) { return precision.ap50(weights); });
      ap50_95.by_context.emplace_back([&precision](std::span<const std::uint32_t> weights) {
        return precision.ap50_95(weights);
      });
    }
    return {std::move(ap50), std::move(ap50_95)};
  }

  void describe(EvaluationReport& report) const override {
    report.task = "detection";
    report.method =
        fmt::format("decoder {}, scores from {:g}, suppression above an overlap of {:g}",
                    decoder_->name(), options_.detection.score_threshold,
                    options_.detection.nms_iou.value_or(decoder_->usual_nms_iou()));
    for (const ImageMatches& image : matches_.front()) report.boxes += image.boxes();
    for (std::size_t c = 0; c < precision_.size(); ++c) {
      const auto figures = precision_[c].by_class();
      report.classes.resize(figures.size());
      for (std::size_t i = 0; i < figures.size(); ++i) {
        report.classes[i].name = classes_.name(figures[i].label);
        report.classes[i].boxes = figures[i].boxes;
        report.classes[i].ap50.push_back(figures[i].ap50);
        report.classes[i].ap50_95.push_back(figures[i].ap50_95);
      }
    }
  }

 private:
  InputSpec input_;
  ClassNames classes_;
  std::unique_ptr<DetectionDecoder> decoder_;
  EvaluationOptions options_;
  std::vector<std::vector<ImageMatches>> matches_;  // by context and image
  std::vector<AveragePrecision> precision_;         // by context
};

}  // namespace

Result<std::unique_ptr<AccuracyScorer>> make_detection_scorer(std::size_t contexts,
                                                              std::span<const TensorInfo> outputs,
                                                              const InputSpec& input,
                                                              const ClassNames& classes,
                                                              const EvaluationOptions& options) {
  std::vector<Shape> shapes;
  for (const TensorInfo& output : outputs) shapes.push_back(output.shape);
  QUANT_TRY_ASSIGN(auto decoder, make_detection_decoder(options.decoder, shapes, input));
  return std::make_unique<DetectionScorer>(contexts, input, classes, std::move(decoder), options);
}

}  // namespace quant
