// SPDX-License-Identifier: MIT
#include "quantdequantize/hailo_tensors.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>

#include "plugin/tensor_bridge.h"
#include "quant/base/round_up.h"
#include "quant/hef/find_stream.h"

namespace quant::element {

namespace {

// Registered by hailonet's plugin alone: whoever registered it here would keep that from loading.
constexpr const char* kApiName = "GstHailoTensorMetaAPI";

// Where a version of the metadata has its fields, from the start of its GstMeta; 0: it has none.
struct MetaFields {
  gsize size = 0;
  gsize is_boxes = 0;  // a bool
  gsize order = 0;     // an enumeration
  gsize shape = 0;     // height, width, features: 32 bits each
  gsize quant = 0;     // zero point, scale, least and greatest value: floats
};
constexpr gsize kName = 16;
constexpr gsize kNameSize = 128;
constexpr std::array<MetaFields, 3> kVersions{{{184, 148, 0, 152, 168},    // 4.22 to 5.2
                                               {456, 0, 412, 420, 436},    // 4.20 and 4.21
                                               {448, 0, 412, 420, 432}}};  // 4.17 to 4.19
// Boxes after NMS, on the host up to 4.19; from 4.20 on also on the chip, by class and by score.
constexpr std::array<std::int32_t, 4> kBoxOrders{9, 21, 22, 23};
constexpr gsize kFrameStep = 8;  // the device's frames are rounded up to

template <typename T>
T read(const GstMeta* meta, gsize offset) {
  T value;
  std::memcpy(&value, reinterpret_cast<const char*>(meta) + offset, sizeof(value));
  return value;
}

struct Description {
  std::string name;
  bool is_boxes = false;
  std::array<std::uint32_t, 3> shape{};  // height, width, channels
  std::array<float, 4> quant{};
};

Result<Description> describe(const GstMeta* meta) {
  for (const MetaFields& fields : kVersions) {
    if (meta->info->size != fields.size) continue;
    Description result;
    const char* name = reinterpret_cast<const char*>(meta) + kName;
    result.name.assign(name, strnlen(name, kNameSize));
    if (fields.is_boxes != 0) result.is_boxes = read<std::uint8_t>(meta, fields.is_boxes) != 0;
    if (fields.order != 0) {
      const auto order = read<std::int32_t>(meta, fields.order);
      result.is_boxes = std::find(kBoxOrders.begin(), kBoxOrders.end(), order) != kBoxOrders.end();
    }
    result.shape = read<std::array<std::uint32_t, 3>>(meta, fields.shape);
    result.quant = read<std::array<float, 4>>(meta, fields.quant);
    return result;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("the tensor metadata of this hailonet has {} bytes; those of 4.17 to 5.2 "
                          "have 448, 456 or 184",
                          meta->info->size),
              g_type_name(meta->info->type));
}

// How the bytes lie, and the type of their elements.
Result<DeviceLayout> layout_of(const Description& tensor, gsize bytes, const HefFile* hef) {
  const auto [height, width, channels] = tensor.shape;
  for (const DataType type : {DataType::kUint8, DataType::kUint16, DataType::kFloat32}) {
    const DeviceLayout dense = dense_layout(DeviceOrder::kNhwc, type, height, width, channels);
    if (check_layout(dense) && byte_count(dense) == bytes) return dense;
  }
  if (hef) {
    const auto stream = find_stream(*hef, HefDirection::kOutput, tensor.name);
    if (stream && (*stream)->layout && !(*stream)->transposed) {
      const DeviceLayout& layout = *(*stream)->layout;
      if (round_up(byte_count(layout), kFrameStep) == round_up(bytes, kFrameStep)) return layout;
    }
  }
  return fail(ErrorCode::kInvalidData,
              fmt::format("{} bytes are no tensor of {}x{}x{} (height x width x channels){}", bytes,
                          height, width, channels,
                          hef ? ", nor what the HEF says of it"
                              : "; with no-transform=true, quantdequantize needs hef-location"),
              tensor.name);
}

Result<GstPointer<GstQuantTensor>> make_tensor(const Description& description, GstBuffer* data,
                                               const HefFile* hef) {
  QUANT_TRY_ASSIGN(const DeviceLayout layout,
                   layout_of(description, gst_buffer_get_size(data), hef));
  QUANT_TRY_ASSIGN(auto tensor, device_to_gst(layout, data, description.name,
                                              GST_QUANT_TENSOR_ROLE_QUANTIZED, "hailonet"));
  const auto [zero_point, scale, range_min, range_max] = description.quant;
  if (layout.type == DataType::kFloat32) return tensor;
  // Refuses 0, which is hailonet's word for a scale of each channel: it stays unknown then.
  if (std::isfinite(zero_point) &&
      gst_quant_tensor_set_quantization(tensor.get(), 1, &scale, &zero_point, -1)) {
    gst_quant_tensor_set_range(tensor.get(), range_min, range_max);
  }
  return tensor;
}

}  // namespace

Result<HailoTensors> hailo_tensors(GstBuffer* buffer, const HefFile* hef) {
  HailoTensors found;
  const GType api = g_type_from_name(kApiName);
  if (api == 0) return found;
  gpointer walk = nullptr;
  while (GstMeta* parent =
             gst_buffer_iterate_meta_filtered(buffer, &walk, GST_PARENT_BUFFER_META_API_TYPE)) {
    GstBuffer* data = reinterpret_cast<GstParentBufferMeta*>(parent)->buffer;
    const GstMeta* meta = gst_buffer_get_meta(data, api);
    if (!meta) continue;
    QUANT_TRY_ASSIGN(const Description description, describe(meta));
    if (description.is_boxes) {
      ++found.boxes;
      continue;
    }
    QUANT_TRY_ASSIGN(auto tensor, make_tensor(description, data, hef));
    found.tensors.push_back(std::move(tensor));
  }
  return found;
}

}  // namespace quant::element
