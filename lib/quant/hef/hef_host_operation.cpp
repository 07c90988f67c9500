// SPDX-License-Identifier: MIT
#include "quant/hef/hef_host_operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "quant/hef/extensions.h"
#include "quant/hef/hef_names.h"

namespace quant {
namespace {

namespace messages = gst_quant_hef;

constexpr std::uint32_t kUint8 = 1;   // Pad.type; 0 leaves it to the runtime
constexpr std::uint32_t kUint16 = 2;  // likewise
constexpr std::uint32_t kArgmax = 0;  // Logits.kind
constexpr std::uint32_t kSoftmax = 1;

const char* method_of(const messages::Nms& nms) {
  switch (nms.method_case()) {
    case messages::Nms::kYolov5:
      return "YOLOv5";
    case messages::Nms::kYolox:
      return "YOLOX";
    case messages::Nms::kSsd:
      return "SSD";
    case messages::Nms::kIou:
      return "IoU";
    case messages::Nms::kYolov5Segmentation:
      return "YOLOv5 segmentation";
    case messages::Nms::kYolov8:
      return "YOLOv8";
    case messages::Nms::METHOD_NOT_SET:
      return "unknown";
  }
  return "unknown";
}

void describe_nms(const messages::Nms& nms, HefHostResult& result) {
  result.operation.kind =
      fmt::format("{} {}", method_of(nms), nms.decodes_only() ? "box decoding" : "NMS");
  result.operation.score_threshold = nms.score_threshold();
  result.operation.iou_threshold = nms.iou_threshold();
  HefView& view = result.view;
  view.type = DataType::kFloat32;
  if (nms.decodes_only()) {
    view.order = "NHWC";  // of a size that only the runtime computes
    return;
  }
  const bool masks = nms.method_case() == messages::Nms::kYolov5Segmentation;
  view.order = masks ? "HAILO NMS WITH BYTE MASK" : "HAILO NMS BY CLASS";
  // Records of their own, in bytes.
  if (masks) view.type = DataType::kUint8;
  const bool one_less = nms.removes_background() && nms.classes() > 0;
  view.boxes = HefBoxes{nms.classes() - (one_less ? 1 : 0), nms.boxes_per_class()};
}

void describe_logits(std::uint32_t kind, const messages::Pad& output, const HefStream& input,
                     HefHostResult& result) {
  HefView& view = result.view;
  view.order = hef_host_order(output.order());
  view.size = input.size;
  if (input.transposed) std::swap((*view.size)[0], (*view.size)[1]);
  if (output.type() == kUint8) view.type = DataType::kUint8;
  if (output.type() == kUint16) view.type = DataType::kUint16;
  if (kind == kSoftmax) {
    result.operation.kind = "softmax";
    if (output.type() != kUint8 && output.type() != kUint16) view.type = DataType::kFloat32;
    if (view.order.empty()) view.order = input.host_format;
    return;
  }
  result.operation.kind = kind == kArgmax ? "argmax" : fmt::format("logits {}", kind);
  if (output.type() != kUint8 && output.type() != kUint16) view.type = input.type;
  (*view.size)[2] = 1;
  if (view.order.empty()) view.order = input.format == "NC" ? "NC" : "NHW";
}

}  // namespace

Result<std::optional<HefHostResult>> read_host_operation(
    const messages::Operation& operation,
    const std::map<std::uint32_t, const HefStream*>& streams_by_pad,
    const std::map<std::uint32_t, std::uint32_t>& edges, const std::string& network) {
  if (operation.kind_case() == messages::Operation::kCore) return std::optional<HefHostResult>();
  HefHostResult result;
  QUANT_TRY_ASSIGN(result.operation.name, text_of(operation.name(), "an operation's name"));
  const std::string& name = result.operation.name;
  const HefStream* input = nullptr;
  for (const messages::Pad& pad : operation.inputs()) {
    const auto edge = edges.find(pad.index());
    const auto stream =
        edge == edges.end() ? streams_by_pad.end() : streams_by_pad.find(edge->second);
    if (stream == streams_by_pad.end()) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("takes no stream of the device at its pad {}", pad.index()), name);
    }
    input = stream->second;
    result.operation.streams.push_back(input->name);
  }
  if (input == nullptr || operation.outputs().empty())
    return fail(ErrorCode::kInvalidData, "is an operation without input or output", name);
  const messages::Pad& output = operation.outputs(0);
  QUANT_TRY_ASSIGN(result.operation.output, text_of(output.name(), "an output's name"));
  result.view.name = result.operation.output;
  result.view.direction = HefDirection::kOutput;
  result.view.network = network;
  switch (operation.kind_case()) {
    case messages::Operation::kNms:
      describe_nms(operation.nms(), result);
      break;
    case messages::Operation::kLogits:
      describe_logits(operation.logits().kind(), output, *input, result);
      break;
    case messages::Operation::kCore:
    case messages::Operation::KIND_NOT_SET:
      result.operation.kind = "unknown";
  }
  return std::optional(std::move(result));
}

}  // namespace quant
