// SPDX-License-Identifier: MIT
// From a detector's raw outputs to boxes, for the heads listed in docs/evaluate.md.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/metrics/detection.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct DetectionOptions {
  float score_threshold = 0.01F;  // what scores less is no detection
  std::optional<double> nms_iou;  // of suppress_non_maxima; nothing: the decoder's usual_nms_iou()
};

// Constant; reentrant.
class DetectionDecoder {
 public:
  struct Description {
    std::string name;
    int classes = 1;
    double usual_nms_iou = 0.5;
    std::vector<Shape> outputs;
  };
  virtual ~DetectionDecoder() = default;

  const std::string& name() const { return name_; }
  int classes() const { return classes_; }
  // What the authors of the head use.
  double usual_nms_iou() const { return usual_nms_iou_; }

  // Boxes in pixels of the frame, best score first, after suppression by class. Boxes and scores
  // that are NaN or infinite are dropped. InvalidArgument where the outputs are not float32 of the
  // shapes that the decoder was made for.
  Result<std::vector<Detection>> run(std::span<const Tensor> outputs,
                                     const DetectionOptions& options) const;

 protected:
  explicit DetectionDecoder(Description description)
      : name_(std::move(description.name)),
        classes_(description.classes),
        usual_nms_iou_(description.usual_nms_iou),
        shapes_(std::move(description.outputs)) {}

  // Appends every class of every box whose score reaches the threshold.
  virtual void collect(std::span<const Tensor> outputs, float score_threshold,
                       std::vector<Detection>& found) const = 0;

 private:
  std::string name_;
  int classes_;
  double usual_nms_iou_;
  std::vector<Shape> shapes_;
};

std::vector<std::string> detection_decoder_names();

// `name` is one of detection_decoder_names(), or "auto": the one that fits the outputs.
// InvalidArgument where there is no such decoder, it does not fit, or more than one or none fits.
Result<std::unique_ptr<DetectionDecoder>> make_detection_decoder(std::string_view name,
                                                                 std::span<const Shape> outputs,
                                                                 const InputSpec& input);

}  // namespace quant
