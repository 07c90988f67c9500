// SPDX-License-Identifier: MIT
#include "quant/hef/hef_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quant {
namespace {

struct Architecture {
  std::uint32_t number;
  const char* name;
  std::vector<std::string> runs_on;
};

const std::vector<Architecture>& architectures() {
  static const std::vector<std::string> kHailo8 = {"HAILO8"};
  static const std::vector<std::string> kHailo15h = {"HAILO15H", "HAILO10H"};
  static const std::vector<std::string> kHailo15l = {"HAILO15L"};
  static const std::vector<Architecture> kAll = {
      {0, "HAILO8", kHailo8},
      {1, "HAILO8P", kHailo8},
      {2, "HAILO8R", kHailo8},
      {3, "HAILO8L", {"HAILO8L", "HAILO8"}},
      {4, "HAILO15M", {"HAILO15M", "HAILO15H", "HAILO10H"}},
      {5, "HAILO10H", {}},  // given up by the runtime before it could run such a file
      {6, "HAILO15L", kHailo15l},
      {100, "SAGE_A0", {"HAILO8_A0"}},
      {101, "SAGE_B0", kHailo8},
      {102, "PAPRIKA_B0", kHailo8},
      {103, "HAILO15H", kHailo15h},
      {104, "GINGER", kHailo15h},
      {105, "LAVENDER", kHailo15h},
      {106, "PLUTO", kHailo15l},
      {108, "MARS", {"HAILO12L"}},
  };
  return kAll;
}

const Architecture* find_architecture(std::uint32_t number) {
  const auto& all = architectures();
  const auto found = std::find_if(all.begin(), all.end(), [number](const Architecture& known) {
    return known.number == number;
  });
  return found == all.end() ? nullptr : &*found;
}

constexpr std::array kExtensions{"ABBALE",
                                 "POSTED_WRITES",
                                 "DDR",
                                 "PADDED_DDR_BUFFERS",
                                 "IS_MULTI_CONTEXTS",
                                 "COMPRESSED_PARAMS",
                                 "TRANSPOSE_COMPONENT",
                                 "TEST_ONE",
                                 "MULTI_NETWORK_VARIABLE_BATCH_SIZE",
                                 "IS_NMS_MULTI_CONTEXT",
                                 "OFFLOAD_ARGMAX",
                                 "HW_PADDING",
                                 "KO_RUN_ASAP",
                                 "HAILO_NET_FLOW",
                                 "HAILO_NET_FLOW_YOLOV5_NMS",
                                 "HAILO_NET_FLOW_YOLOX_NMS",
                                 "HAILO_NET_FLOW_SSD_NMS",
                                 "HAILO_NET_FLOW_IOU_NMS",
                                 "WRITE_DATA_BY_TYPE",
                                 "NMS_OUTPUT_BURST",
                                 "DUAL_DIRECTION_STREAM_INDEX",
                                 "HAILO_NET_FLOW_ARGMAX",
                                 "HAILO_NET_FLOW_SOFTMAX",
                                 "ALIGNED_FORMAT_TYPE",
                                 "HAILO_NET_FLOW_YOLOV5_SEG_NMS",
                                 "OUTPUT_SCALE_PER_FEATURE",
                                 "PERIPH_CALCULATION_IN_HAILORT",
                                 "HAILO_NET_FLOW_YOLOV8_NMS",
                                 "BATCH_REGISTER_CONFIG",
                                 "HAILO_NET_FLOW_BBOX_DECODING",
                                 "CCW_PTR_SQUEEZE",
                                 "EXTERNAL_RESOURCES",
                                 "SHARED_CONFIG",
                                 "CSM_CRC",
                                 "ENABLE_CONFIG_CHANNELS",
                                 "STRICT_RUNTIME_VERSIONING"};

// Orders as the runtime numbers them in what it gives to programs. 0: it decides.
constexpr std::array kHostOrders{
    "", "NHWC",    "NHCW", "FCR",  "F8CR", "NHW",  "NC",   "BAYER RGB", "12 BIT BAYER RGB",
    "", "RGB 888", "NCHW", "YUY2", "NV12", "NV21", "YYUV", "YYVU"};

constexpr std::array kPlanes{"NV12", "NV21", "I420"};

}  // namespace

std::string hef_architecture_name(std::uint32_t architecture) {
  const Architecture* const known = find_architecture(architecture);
  return known != nullptr ? known->name : fmt::format("architecture {}", architecture);
}

std::vector<std::string> hef_compatible_architectures(std::uint32_t architecture) {
  const Architecture* const known = find_architecture(architecture);
  return known != nullptr ? known->runs_on : std::vector<std::string>{};
}

bool has_arrangements(std::uint32_t architecture) {
  constexpr std::uint32_t kHailo8l = 3;
  constexpr std::uint32_t kHailo15m = 4;
  return architecture == kHailo8l || architecture == kHailo15m;
}

std::string hef_extension_name(std::uint32_t id) {
  return id < kExtensions.size() ? kExtensions[id] : "unknown";
}

HefFormat hef_format(std::uint32_t format) {
  switch (format) {
    case 0:
    case 13:
      return {HefContent::kTensor, "NHWC", "NHWC", DeviceOrder::kNhwc};
    case 1:
      return {HefContent::kTensor, "NHCW", "NHWC", DeviceOrder::kNhcw};
    case 2:
      return {HefContent::kTensor, "NC", "NC", DeviceOrder::kNc};
    case 3:
      return {HefContent::kTensor, "FCR", "FCR", DeviceOrder::kFcr};
    case 4:
      return {HefContent::kImage, "BAYER RGB", "BAYER RGB", {}};
    case 5:
      return {HefContent::kTensor, "NHW", "NHW", DeviceOrder::kNhw};
    case 6:
      return {HefContent::kBoxes, "HAILO NMS ON CHIP", "HAILO NMS BY CLASS", {}};
    case 7:
      return {HefContent::kTensor, "F8CR", "F8CR", DeviceOrder::kF8cr};
    case 8:
      return {HefContent::kImage, "RGB 888", "NHWC", {}};
    case 11:
      return {HefContent::kImage, "YUY2", "YUY2", {}};
    case 14:
      return {HefContent::kImage, "YYUV", "NV12", {}};
    case 15:
      return {HefContent::kImage, "YYVU", "NV21", {}};
    case 16:
      return {HefContent::kImage, "YYYYUV", "I420", {}};
    default: {
      const std::string name = fmt::format("format {}", format);
      return {HefContent::kUnknown, name, name, {}};
    }
  }
}

std::string hef_planes_order(std::uint32_t format) {
  return format < kPlanes.size() ? kPlanes[format] : "";
}

std::string hef_host_order(std::uint32_t order) {
  return order < kHostOrders.size() ? kHostOrders[order] : "";
}

}  // namespace quant
