// SPDX-License-Identifier: MIT
#include "quant/vision/detection_decoder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/vision/detection_heads.h"
#include "quant/vision/non_maximum_suppression.h"

namespace quant {
namespace {

struct Head {
  const char* name;
  std::unique_ptr<DetectionDecoder> (*make)(std::span<const Shape>, const InputSpec&);
};

constexpr std::array<Head, 6> kHeads = {{{"rfb", make_rfb_decoder},
                                         {"rfb-decoded", make_rfb_decoded_decoder},
                                         {"yolov8", make_yolov8_decoder},
                                         {"yolo-fastestv2", make_yolo_fastestv2_decoder},
                                         {"nanodet", make_nanodet_decoder},
                                         {"scrfd", make_scrfd_decoder}}};

bool is_finite(const Detection& detection) {
  return std::isfinite(detection.score) && std::isfinite(detection.box.left) &&
         std::isfinite(detection.box.top) && std::isfinite(detection.box.right) &&
         std::isfinite(detection.box.bottom);
}

std::string shapes_text(std::span<const Shape> shapes) {
  std::vector<std::string> texts;
  for (const Shape& shape : shapes) texts.push_back(to_string(shape));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

Result<std::vector<Detection>> DetectionDecoder::run(std::span<const Tensor> outputs,
                                                     const DetectionOptions& options) const {
  const auto fits = [](const Tensor& tensor, const Shape& shape) {
    return tensor.type() == DataType::kFloat32 && tensor.shape() == shape;
  };
  if (!std::equal(outputs.begin(), outputs.end(), shapes_.begin(), shapes_.end(), fits))
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the decoder {} takes float32 outputs of {}", name_, shapes_text(shapes_)));
  std::vector<Detection> found;
  collect(outputs, options.score_threshold, found);
  std::erase_if(found, [](const Detection& detection) { return !is_finite(detection); });
  return suppress_non_maxima(std::move(found), options.nms_iou.value_or(usual_nms_iou_));
}

std::vector<std::string> detection_decoder_names() {
  std::vector<std::string> names;
  names.reserve(kHeads.size());
  for (const Head& head : kHeads) names.emplace_back(head.name);
  return names;
}

Result<std::unique_ptr<DetectionDecoder>> make_detection_decoder(std::string_view name,
                                                                 std::span<const Shape> outputs,
                                                                 const InputSpec& input) {
  const auto wrong = [&](const std::string& what) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} (outputs {}, frame {}x{}; decoders: {})", what, shapes_text(outputs),
                    input.width, input.height, fmt::join(detection_decoder_names(), ", ")));
  };
  std::vector<std::unique_ptr<DetectionDecoder>> fitting;
  bool known = name == "auto";
  for (const Head& head : kHeads) {
    if (name != "auto" && name != head.name) continue;
    known = true;
    if (auto decoder = head.make(outputs, input)) fitting.push_back(std::move(decoder));
  }
  if (!known) return wrong(fmt::format("there is no decoder {}", name));
  if (fitting.empty())
    return wrong(name == "auto" ? "no decoder fits this model"
                                : fmt::format("the decoder {} does not fit this model", name));
  if (fitting.size() > 1) {
    std::vector<std::string> names;
    names.reserve(fitting.size());
    for (const auto& decoder : fitting) names.push_back(decoder->name());
    return wrong(fmt::format("{} fit this model, one has to be named", fmt::join(names, " and ")));
  }
  return std::move(fitting.front());
}

std::vector<OutputMatrix> output_matrices(std::span<const Shape> outputs) {
  std::vector<OutputMatrix> matrices;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    std::span<const std::int64_t> dims = outputs[i];
    while (dims.size() > 2 && dims.front() == 1) dims = dims.subspan(1);
    if (dims.size() == 2) matrices.push_back({i, dims[0], dims[1]});
  }
  return matrices;
}

Grid grid_of(const InputSpec& input, int stride) {
  return {stride, (input.width + stride - 1) / stride, (input.height + stride - 1) / stride};
}

}  // namespace quant
