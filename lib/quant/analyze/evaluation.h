// SPDX-License-Identifier: MIT
// The accuracy of several contexts against ground truth, on the same images: top-1 and top-5, or
// average precision, with an interval for each difference. docs/evaluate.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/metrics/bootstrap.h"
#include "quant/tensor/tensor.h"
#include "quant/vision/detection_decoder.h"
#include "quant/vision/frame_source.h"
#include "quant/vision/ground_truth.h"

namespace quant {

struct EvaluationOptions {
  std::string decoder = "auto";  // of make_detection_decoder
  DetectionOptions detection;
  std::size_t most_detections = 100;         // an image and class
  ResizeMode resize = ResizeMode::kStretch;  // how the frames were made
  BootstrapOptions bootstrap;
};

struct EvaluatedFigure {
  std::string name;  // "top-1", "AP50"
  // Values are shares 0…1 that people read in percent; else they have a unit of their own.
  bool is_share = true;
  std::vector<std::optional<double>> values;  // by context
  // Of the difference to the first context, for each context but the first.
  std::vector<std::optional<Interval>> intervals;
};

struct EvaluatedClass {
  std::string name;
  std::int64_t boxes = 0;       // to be found
  std::vector<double> ap50;     // by context
  std::vector<double> ap50_95;  // by context
};

struct ImageRemark {
  std::string image;
  std::string text;
};

struct EvaluationReport {
  std::vector<std::string> contexts;
  std::string task;         // "classification", "detection"; empty without ground truth
  std::string method;       // what decoded the outputs
  std::int64_t images = 0;  // scored
  std::int64_t boxes = 0;   // to be found on them
  BootstrapOptions bootstrap;
  std::vector<EvaluatedFigure> figures;
  std::vector<EvaluatedClass> classes;                // detection
  std::vector<ImageRemark> left_out;                  // images, and why
  std::vector<ImageRemark> remarks;                   // about images that were scored
  std::map<std::string, std::int64_t> unknown_boxes;  // left out, by name of their class
  std::int64_t truth_unused = 0;  // images that the truth has and that were not seen
};

// Scores images for one task.
class AccuracyScorer {
 public:
  struct Figure {
    std::string name;
    std::vector<ResampledFigure> by_context;  // valid as long as the scorer
  };

  virtual ~AccuracyScorer() = default;
  // Why the image cannot be scored; empty: it can.
  virtual std::string problem_of(const Frame& frame, const ImageTruth& truth) const = 0;
  // Precondition: no problem. results[context][output].
  virtual Status add(const Frame& frame, const ImageTruth& truth,
                     std::span<const std::vector<Tensor>> results) = 0;
  // After the last image.
  virtual std::vector<Figure> figures() = 0;
  virtual void describe(EvaluationReport& report) const = 0;
};

// InvalidArgument where the outputs are not those of one classifier.
Result<std::unique_ptr<AccuracyScorer>> make_classification_scorer(
    std::size_t contexts, std::span<const TensorInfo> outputs);
// InvalidArgument where no decoder fits.
Result<std::unique_ptr<AccuracyScorer>> make_detection_scorer(std::size_t contexts,
                                                              std::span<const TensorInfo> outputs,
                                                              const InputSpec& input,
                                                              const ClassNames& classes,
                                                              const EvaluationOptions& options);

// One thread at a time.
class Evaluation {
 public:
  // The kind of the truth decides the task. Errors of the make_ functions above.
  static Result<Evaluation> create(GroundTruth truth, std::vector<std::string> contexts,
                                   std::span<const TensorInfo> outputs, const InputSpec& input,
                                   const EvaluationOptions& options);

  // Whether there is truth to score this frame by. Where not, that is noted with the reason and the
  // frame must not be added.
  bool accepts(const Frame& frame);
  // results[context][output].
  Status add_frame(const Frame& frame, std::span<const std::vector<Tensor>> results);

  std::int64_t images() const { return report_.images; }
  // Takes long on large sets: every figure is computed anew for every resample. NotFound where no
  // image was scored.
  Result<EvaluationReport> report();

 private:
  Evaluation(GroundTruth truth, std::vector<std::string> contexts,
             std::unique_ptr<AccuracyScorer> scorer, const BootstrapOptions& bootstrap);

  GroundTruth truth_;
  std::unique_ptr<AccuracyScorer> scorer_;
  EvaluationReport report_;
};

}  // namespace quant
