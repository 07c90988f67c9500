// SPDX-License-Identifier: MIT
#include "quant/device/hailort/hailort_streams.h"

#include <fmt/format.h>

#include <optional>

namespace quant::hailort {
namespace {

// Nothing for records (NMS) and for formats of frames with several planes.
std::optional<DeviceOrder> order_of(hailo_format_order_t order) {
  // An enum of somebody else, which grows: what is not known here is not misread.
  switch (static_cast<int>(order)) {
    case HAILO_FORMAT_ORDER_NHWC:
    // Blocks and padding are gone once HailoRT has handed a frame over.
    case HAILO_FORMAT_ORDER_F8CR:
      return DeviceOrder::kNhwc;
    case HAILO_FORMAT_ORDER_FCR:
      return DeviceOrder::kFcr;
    case HAILO_FORMAT_ORDER_NHCW:
      return DeviceOrder::kNhcw;
    case HAILO_FORMAT_ORDER_NCHW:
      return DeviceOrder::kNchw;
    case HAILO_FORMAT_ORDER_NHW:
      return DeviceOrder::kNhw;
    case HAILO_FORMAT_ORDER_NC:
      return DeviceOrder::kNc;
    default:
      return std::nullopt;
  }
}

std::optional<DataType> type_of(hailo_format_type_t type) {
  switch (static_cast<int>(type)) {
    case HAILO_FORMAT_TYPE_UINT8:
      return DataType::kUint8;
    case HAILO_FORMAT_TYPE_UINT16:
      return DataType::kUint16;
    case HAILO_FORMAT_TYPE_FLOAT32:
      return DataType::kFloat32;
    default:
      return std::nullopt;
  }
}

// A scale of 0 is HailoRT's way of saying that the scales differ by channel and that it does not
// give them here.
std::optional<QuantParams> params_of(const std::vector<hailo_quant_info_t>& infos, DataType type) {
  if (infos.empty() || type == DataType::kFloat32) return std::nullopt;
  QuantParams params;
  params.type = type;
  params.axis = 3;
  params.range_min = infos.front().limvals_min;
  params.range_max = infos.front().limvals_max;
  for (const hailo_quant_info_t& info : infos) {
    if (info.qp_scale == 0) return std::nullopt;
    params.scale.push_back(info.qp_scale);
    params.zero_point.push_back(info.qp_zp);
  }
  return params;
}

DeviceResult<DeviceStream> describe(const ::hailort::InferModel::InferStream& stream) {
  DeviceStream described;
  described.name = stream.name();
  described.frame_bytes = stream.get_frame_size();
  described.is_affine = !stream.is_nms();
  if (!described.is_affine) return described;

  const hailo_format_t format = stream.format();
  const hailo_3d_image_shape_t shape = stream.shape();
  const auto order = order_of(format.order);
  const auto type = type_of(format.type);
  if (!order || !type) {
    return device_fail(
        DeviceFault::kUnsupported,
        fmt::format("stream {} has order {} and type {} of HailoRT, which have no "
                    "layout here",
                    described.name, static_cast<int>(format.order), static_cast<int>(format.type)));
  }
  described.layout = dense_layout(*order, *type, shape.height, shape.width, shape.features);
  if (const Status sound = check_layout(described.layout); !sound) {
    return device_fail(DeviceFault::kUnsupported,
                       fmt::format("stream {}: {}", described.name, sound.error().text()));
  }
  if (byte_count(described.layout) != described.frame_bytes) {
    return device_fail(DeviceFault::kUnsupported,
                       fmt::format("stream {} has frames of {} bytes, {} makes {}", described.name,
                                   described.frame_bytes, to_string(described.layout),
                                   byte_count(described.layout)));
  }
  described.params = params_of(stream.get_quant_infos(), *type);
  return described;
}

}  // namespace

DeviceResult<std::vector<DeviceStream>> describe_streams(
    const std::vector<::hailort::InferModel::InferStream>& streams) {
  std::vector<DeviceStream> described;
  for (const auto& stream : streams) {
    auto one = describe(stream);
    if (!one) return tl::unexpected(std::move(one).error());
    described.push_back(std::move(*one));
  }
  return described;
}

}  // namespace quant::hailort
