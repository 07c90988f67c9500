// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_fault.h"

#include <array>
#include <cstddef>

namespace quant {
namespace {

constexpr std::array kTexts{
    FaultText{Fault::kLayout, "layout",
              "Ask the runtime for the order that the code expects (HailoRT: "
              "set_format_order(HAILO_FORMAT_ORDER_NHWC)), or index with the strides of the order "
              "and padded shape that the stream reports (hailortcli parse-hef, hw_shape)."},
    FaultText{Fault::kHeightWidth, "height-width",
              "Exchange height and width in the reshape or in the index: rows are height, a row "
              "has width pixels."},
    FaultText{Fault::kRead16As8, "16-bit-read-as-8",
              "Read the buffer as uint16 (format type of the stream; numpy: dtype=uint16); its "
              "size is two bytes an element."},
    FaultText{Fault::kRead8As16, "8-bit-read-as-16",
              "Read the buffer as uint8 (format type of the stream; numpy: dtype=uint8); its size "
              "is one byte an element."},
    FaultText{Fault::kPerTensor, "per-channel-as-per-tensor",
              "Dequantize with one scale and zero point per channel (HailoRT: "
              "get_quant_infos(), all of it, not its first entry or quant_info), or compile "
              "with output_encoding_vector=disabled."},
    FaultText{Fault::kChannelOrder, "channel-order",
              "Index scales and zero points with the channel of the tensor as the network orders "
              "them, after the layout is undone."},
    FaultText{Fault::kForeignParameters, "parameters-of-another-output",
              "Look up scale and zero point by the name of the stream, not by its position in a "
              "list."},
    FaultText{Fault::kNotDequantized, "not-dequantized",
              "Apply real = (q - zero_point) * scale, or ask the runtime for float32 (HailoRT: "
              "set_format_type(HAILO_FORMAT_TYPE_FLOAT32))."},
    FaultText{Fault::kDequantizedTwice, "dequantized-twice",
              "Dequantize once: where the runtime gives float32 (HAILO_FORMAT_TYPE_FLOAT32), the "
              "program must not apply scale and zero point again."},
    FaultText{Fault::kActivationMissing, "activation-missing",
              "Apply the activation on the host, or compile the network with it (the end node "
              "behind it, not before it)."},
    FaultText{Fault::kActivationTwice, "activation-twice",
              "Remove the activation from the host code: the network has it inside."},
    FaultText{Fault::kOutputsSwapped, "outputs-swapped",
              "Match outputs by name (and shape), not by position; their order differs between "
              "ONNX, compiler and runtime."},
    FaultText{Fault::kStaleFrame, "stale-frame",
              "Wait for the frame's own completion before its buffer is read, use one buffer per "
              "frame in flight, and match results by frame number."},
    FaultText{Fault::kSaturation, "saturation",
              "Widen the range of this output (force_range_out, other calibration frames, less "
              "clipping) or keep more bits; in the host code, look for a cast to a narrower type."},
    FaultText{Fault::kColorOrder, "color-order",
              "Feed the colour order of the training (cv2.imread gives BGR: cvtColor; gst-quant: "
              "--color)."},
    FaultText{Fault::kNormalizationMissing, "normalization-missing",
              "Normalize on the host, or compile the normalization into the network "
              "(normalization(mean, std) in the model script)."},
    FaultText{Fault::kNormalizationTwice, "normalization-twice",
              "Feed raw pixels where the network normalizes inside; else remove "
              "normalization(...) from the model script."},
    FaultText{Fault::kResize, "resize",
              "Resize as the reference did (gst-quant: --resize stretch, letterbox or crop), "
              "with the same colour of the bars."},
};

static_assert([] {
  for (std::size_t i = 0; i < kTexts.size(); ++i) {
    if (kTexts[i].fault != static_cast<Fault>(i)) return false;
  }
  return kTexts.size() == static_cast<std::size_t>(Fault::kResize) + 1;
}());

}  // namespace

std::span<const FaultText> fault_texts() { return kTexts; }

const FaultText& text_of(Fault fault) { return kTexts[static_cast<std::size_t>(fault)]; }

std::string ids_of(std::span<const Cause> causes) {
  std::string text;
  for (const Cause& cause : causes) {
    if (!text.empty()) text += " + ";
    text += text_of(cause.fault).id;
  }
  return text;
}

std::string sentence_of(std::span<const Cause> causes) {
  std::string text;
  for (const Cause& cause : causes) {
    if (!text.empty()) text += ", and ";
    text += cause.found;
  }
  return text;
}

}  // namespace quant
