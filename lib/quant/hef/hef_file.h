// SPDX-License-Identifier: MIT
// What a HEF, the compiled network of a Hailo accelerator, says of itself: networks, the streams of
// the device, and what a program sees of them through the vendor's runtime. Nothing of the
// computation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/hef/hef_header.h"
#include "quant/tensor/data_type.h"
#include "quant/tensor/device_layout.h"
#include "quant/tensor/quant_params.h"

namespace quant {

enum class HefDirection { kInput, kOutput };

enum class HefContent {
  kTensor,   // real = (q − zero point) · scale
  kImage,    // pixels in a camera's format (RGB 888, YUY2, …), inputs only
  kBoxes,    // found by the device, of variable number
  kMux,      // several tensors in one stream; `parts` has them as the runtime takes them apart
  kPlanes,   // a picture of several streams (NV12, …), which are `parts`
  kUnknown,  // a format that this reader does not know
};

// Whether the network normalizes its input by itself.
enum class HefNormalization { kInside, kOutside, kUnknown };

struct HefBoxes {
  std::uint64_t classes = 0;
  std::uint64_t per_class = 0;  // at most
  bool operator==(const HefBoxes&) const = default;
};

// What the device sends or takes.
struct HefStream {
  std::string name;
  HefDirection direction = HefDirection::kInput;
  HefContent content = HefContent::kUnknown;
  std::string format;  // the order as the runtime names it: "NHCW", "RGB 888", "HAILO NMS ON CHIP"
  std::string host_format;           // the order that a program gets or gives; empty of a mux
  DataType type = DataType::kUint8;  // kUint8 or kUint16
  // Height, width, channels, without padding; as the device has them, before `transposed`.
  std::array<std::int64_t, 3> size{};
  // As it lies in the device's frames, before `transposed`. Unsupported of what is no tensor,
  // InvalidData where the sizes make no sense; the message says which.
  Result<DeviceLayout> layout = fail(ErrorCode::kUnsupported, "has no layout");
  // One scale, or one per channel (axis 3 of N, H, W, C), the latter only where the file says that
  // the device works so (extension OUTPUT_SCALE_PER_FEATURE). The range is the file's, whether zero
  // lies in it or not. Errors as of `layout`.
  Result<QuantParams> quant = fail(ErrorCode::kUnsupported, "has no quantization parameters");
  // The device works on the transposed picture: row y of the layout is column y of the picture.
  bool transposed = false;
  std::optional<HefBoxes> boxes;  // kBoxes
  std::string defused_from;       // the output that this is a piece of, where it is one
  std::string host_operation;     // the operation on the host that takes it, where one does
  std::string network;            // "group/network"
  int context = 0;
  std::vector<std::string> original_names;  // in the model that was compiled
  std::vector<HefStream> parts;             // kMux, kPlanes
  // Of inputs; `normalization_evidence` is what it is concluded from.
  HefNormalization normalization = HefNormalization::kUnknown;
  std::string normalization_evidence;
};

// What the runtime does to outputs before a program sees them.
struct HefHostOperation {
  std::string name;
  std::string kind;  // "YOLOv8 NMS", "softmax", …
  std::vector<std::string> streams;
  std::string output;
  double score_threshold = 0;  // of boxes, as the next
  double iou_threshold = 0;
};

// What a program sees: the runtime's vstream.
struct HefView {
  std::string name;
  HefDirection direction = HefDirection::kInput;
  DataType type = DataType::kUint8;  // what the runtime gives where nothing else is asked for
  std::string order;
  // Either boxes or a size; neither where the runtime alone knows it.
  std::optional<HefBoxes> boxes;
  std::optional<std::array<std::int64_t, 3>> size;  // height, width, channels
  std::string network;
};

struct HefGroup {
  std::string name;
  std::vector<std::string> networks;
  std::int64_t contexts = 0;      // parts that the device runs one after the other
  std::int64_t arrangements = 1;  // on the chip; the first one is described
  std::vector<HefStream> streams;
  std::vector<HefHostOperation> host_operations;
  std::vector<HefView> views;  // inputs, then outputs in the compiler's order
};

struct HefExtension {
  std::uint32_t id = 0;
  std::string name;  // "OUTPUT_SCALE_PER_FEATURE"; "unknown" of what this reader does not know
  std::string text;  // the compiler's own, may be empty
  bool optional = false;
};

struct HefFile {
  HefHeader header;
  std::uint64_t format_version = 0;  // of the messages
  std::string architecture;          // that it was compiled for, e.g. "HAILO15H"
  std::vector<std::string> runs_on;  // architectures that the runtime lets it run on
  std::string sdk_version;           // "5.2.0"; empty where the file has none
  std::vector<HefExtension> extensions;
  std::vector<HefGroup> groups;
};

}  // namespace quant
