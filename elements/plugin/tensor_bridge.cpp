// SPDX-License-Identifier: MIT
#include "plugin/tensor_bridge.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <optional>

#include "plugin/upstream_tensor_meta.h"

namespace quant::element {

namespace {

std::optional<GstQuantTensorDataType> to_gst_type(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return GST_QUANT_TENSOR_DATA_TYPE_FLOAT32;
    case DataType::kFloat64:
      return GST_QUANT_TENSOR_DATA_TYPE_FLOAT64;
    case DataType::kUint8:
      return GST_QUANT_TENSOR_DATA_TYPE_UINT8;
    case DataType::kInt8:
      return GST_QUANT_TENSOR_DATA_TYPE_INT8;
    case DataType::kUint16:
      return GST_QUANT_TENSOR_DATA_TYPE_UINT16;
    case DataType::kInt16:
      return GST_QUANT_TENSOR_DATA_TYPE_INT16;
    case DataType::kUint32:
      return GST_QUANT_TENSOR_DATA_TYPE_UINT32;
    case DataType::kInt32:
      return GST_QUANT_TENSOR_DATA_TYPE_INT32;
    case DataType::kUint64:
      return GST_QUANT_TENSOR_DATA_TYPE_UINT64;
    case DataType::kInt64:
      return GST_QUANT_TENSOR_DATA_TYPE_INT64;
    case DataType::kBool:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<DataType> from_gst_type(GstQuantTensorDataType type) {
  switch (type) {
    case GST_QUANT_TENSOR_DATA_TYPE_INT8:
      return DataType::kInt8;
    case GST_QUANT_TENSOR_DATA_TYPE_INT16:
      return DataType::kInt16;
    case GST_QUANT_TENSOR_DATA_TYPE_INT32:
      return DataType::kInt32;
    case GST_QUANT_TENSOR_DATA_TYPE_INT64:
      return DataType::kInt64;
    case GST_QUANT_TENSOR_DATA_TYPE_UINT8:
      return DataType::kUint8;
    case GST_QUANT_TENSOR_DATA_TYPE_UINT16:
      return DataType::kUint16;
    case GST_QUANT_TENSOR_DATA_TYPE_UINT32:
      return DataType::kUint32;
    case GST_QUANT_TENSOR_DATA_TYPE_UINT64:
      return DataType::kUint64;
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT32:
      return DataType::kFloat32;
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT64:
      return DataType::kFloat64;
    case GST_QUANT_TENSOR_DATA_TYPE_INT4:
    case GST_QUANT_TENSOR_DATA_TYPE_UINT4:
    case GST_QUANT_TENSOR_DATA_TYPE_FLOAT16:
    case GST_QUANT_TENSOR_DATA_TYPE_BFLOAT16:
      return std::nullopt;
  }
  return std::nullopt;
}

// Keeps a buffer's memory mapped for reading.
class MappedBuffer {
 public:
  explicit MappedBuffer(GstBuffer* buffer) : buffer_(gst_buffer_ref(buffer)) {
    mapped_ = gst_buffer_map(buffer, &map_, GST_MAP_READ);
  }
  ~MappedBuffer() {
    if (mapped_) gst_buffer_unmap(buffer_.get(), &map_);
  }
  MappedBuffer(const MappedBuffer&) = delete;
  MappedBuffer& operator=(const MappedBuffer&) = delete;

  bool ok() const { return mapped_; }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(map_.data); }

 private:
  GstPointer<GstBuffer> buffer_;
  GstMapInfo map_ = GST_MAP_INFO_INIT;
  bool mapped_ = false;
};

// Order by order; the numbers of the two enumerations are free to differ.
GstQuantTensorLayout to_gst_layout(DeviceOrder order) {
  switch (order) {
    case DeviceOrder::kNhwc:
      return GST_QUANT_TENSOR_LAYOUT_NHWC;
    case DeviceOrder::kNhcw:
      return GST_QUANT_TENSOR_LAYOUT_NHCW;
    case DeviceOrder::kNchw:
      return GST_QUANT_TENSOR_LAYOUT_NCHW;
    case DeviceOrder::kFcr:
      return GST_QUANT_TENSOR_LAYOUT_FCR;
    case DeviceOrder::kF8cr:
      return GST_QUANT_TENSOR_LAYOUT_F8CR;
    case DeviceOrder::kNhw:
      return GST_QUANT_TENSOR_LAYOUT_NHW;
    case DeviceOrder::kNc:
      return GST_QUANT_TENSOR_LAYOUT_NC;
  }
  return GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS;
}

std::optional<DeviceOrder> from_gst_layout(GstQuantTensorLayout layout) {
  switch (layout) {
    case GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS:
      return std::nullopt;
    case GST_QUANT_TENSOR_LAYOUT_NHWC:
      return DeviceOrder::kNhwc;
    case GST_QUANT_TENSOR_LAYOUT_NHCW:
      return DeviceOrder::kNhcw;
    case GST_QUANT_TENSOR_LAYOUT_NCHW:
      return DeviceOrder::kNchw;
    case GST_QUANT_TENSOR_LAYOUT_FCR:
      return DeviceOrder::kFcr;
    case GST_QUANT_TENSOR_LAYOUT_F8CR:
      return DeviceOrder::kF8cr;
    case GST_QUANT_TENSOR_LAYOUT_NHW:
      return DeviceOrder::kNhw;
    case GST_QUANT_TENSOR_LAYOUT_NC:
      return DeviceOrder::kNc;
  }
  return std::nullopt;
}

GstBuffer* share_elements(const Tensor& tensor) {
  auto* owner = new Tensor(tensor);
  const gsize size = owner->bytes();
  GstBuffer* buffer = gst_buffer_new();
  // An empty memory would refuse to be mapped; an empty buffer does not.
  if (size == 0) {
    delete owner;
    return buffer;
  }
  gst_buffer_append_memory(
      buffer, gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, owner->raw(), size, 0, size, owner,
                                     [](gpointer data) { delete static_cast<Tensor*>(data); }));
  return buffer;
}

// The data of `tensor` as elements of that type and shape.
Result<Tensor> map_elements(GstQuantTensor* tensor, DataType type, Shape shape) {
  auto mapped = std::make_shared<MappedBuffer>(tensor->data);
  if (!mapped->ok()) return fail(ErrorCode::kIo, "the memory cannot be mapped", tensor->name);
  const std::byte* data = mapped->data();
  Tensor wrapped = Tensor::wrap(type, std::move(shape), data, std::move(mapped));
  // A region of somebody's memory can start at any byte.
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(type) != 0) return wrapped.clone();
  return wrapped;
}

}  // namespace

Result<GstPointer<GstQuantTensor>> to_gst(const Tensor& tensor, const std::string& name,
                                          GstQuantTensorRole role, const char* source) {
  const auto type = to_gst_type(tensor.type());
  if (!type) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} has no type on a buffer", to_string(tensor.type())), name);
  }
  const std::vector<gsize> dims(tensor.shape().begin(), tensor.shape().end());
  GstPointer<GstQuantTensor> result(gst_quant_tensor_new(
      name.c_str(), role, *type, share_elements(tensor), dims.size(), dims.data()));
  if (!result) {
    return fail(ErrorCode::kInternal,
                fmt::format("shape {} cannot ride on a buffer", to_string(tensor.shape())), name);
  }
  gst_quant_tensor_set_source(result.get(), source);
  return result;
}

Result<Tensor> from_gst(GstQuantTensor* tensor) {
  const auto type = from_gst_type(tensor->data_type);
  if (!type || tensor->dims_order != GST_QUANT_TENSOR_DIM_ORDER_ROW_MAJOR) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("tensors of type {} cannot be read",
                            gst_quant_tensor_data_type_get_nick(tensor->data_type)),
                tensor->name);
  }
  if (tensor->layout != GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("lies in memory as the device left it ({}), where dense elements are "
                            "needed",
                            gst_quant_tensor_layout_get_nick(tensor->layout)),
                tensor->name);
  }
  Shape shape(tensor->dims, tensor->dims + tensor->num_dims);
  QUANT_TRY(checked_element_count(shape));
  if (gst_quant_tensor_get_size(tensor) == 0) return Tensor(*type, std::move(shape));
  return map_elements(tensor, *type, std::move(shape));
}

Result<GstPointer<GstQuantTensor>> device_to_gst(const DeviceTensor& tensor,
                                                 const std::string& name, GstQuantTensorRole role,
                                                 const char* source) {
  if (const Status status = check_device_tensor(tensor); !status) {
    return fail_with_context(status.error(), name);
  }
  const GstPointer<GstBuffer> data(share_elements(tensor.memory));
  return device_to_gst(tensor.layout, data.get(), name, role, source);
}

Result<GstPointer<GstQuantTensor>> device_to_gst(const DeviceLayout& layout, GstBuffer* data,
                                                 const std::string& name, GstQuantTensorRole role,
                                                 const char* source) {
  const auto type = to_gst_type(layout.type);
  const std::array<gsize, 4> dims{1, static_cast<gsize>(layout.height),
                                  static_cast<gsize>(layout.width),
                                  static_cast<gsize>(layout.channels)};
  GstPointer<GstQuantTensor> result;
  if (type) {
    result.reset(gst_quant_tensor_new(name.c_str(), role, *type, gst_buffer_ref(data), dims.size(),
                                      dims.data()));
  }
  if (!result || !gst_quant_tensor_set_device_layout(result.get(), to_gst_layout(layout.order),
                                                     static_cast<gsize>(layout.padded_height),
                                                     static_cast<gsize>(layout.padded_width),
                                                     static_cast<gsize>(layout.padded_channels))) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} bytes in memory are not {}", gst_buffer_get_size(data), to_string(layout)),
        name);
  }
  gst_quant_tensor_set_source(result.get(), source);
  return result;
}

Result<DeviceTensor> device_from_gst(GstQuantTensor* tensor) {
  const auto type = from_gst_type(tensor->data_type);
  const auto order = from_gst_layout(tensor->layout);
  if (!type || !order || tensor->num_dims != 4) {
    return fail(ErrorCode::kInvalidArgument, "is not in a device's layout", tensor->name);
  }
  DeviceLayout layout{*order,
                      *type,
                      static_cast<std::int64_t>(tensor->dims[1]),
                      static_cast<std::int64_t>(tensor->dims[2]),
                      static_cast<std::int64_t>(tensor->dims[3]),
                      static_cast<std::int64_t>(tensor->padded_height),
                      static_cast<std::int64_t>(tensor->padded_width),
                      static_cast<std::int64_t>(tensor->padded_channels)};
  if (const Status status = check_layout(layout); !status) {
    return fail_with_context(status.error(), tensor->name);
  }
  QUANT_TRY_ASSIGN(Tensor memory, map_elements(tensor, *type, {padded_element_count(layout)}));
  return DeviceTensor{layout, std::move(memory)};
}

void set_params(GstQuantTensor* tensor, const QuantParams& params) {
  const bool contiguous = tensor->layout == GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS;
  gst_quant_tensor_set_quantization(tensor, params.scale.size(), params.scale.data(),
                                    params.zero_point.data(), contiguous ? params.axis : 3);
  gst_quant_tensor_set_range(tensor, params.range_min, params.range_max);
}

Result<QuantParams> params_of(const GstQuantTensor* tensor) {
  const auto type = from_gst_type(tensor->data_type);
  if (!type || tensor->num_scales == 0) {
    return fail(ErrorCode::kUnsupported, "the scale is not known", tensor->name);
  }
  QuantParams params;
  params.type = *type;
  params.scale.assign(tensor->scale, tensor->scale + tensor->num_scales);
  params.zero_point.assign(tensor->zero_point, tensor->zero_point + tensor->num_scales);
  params.axis = tensor->axis < 0 ? 0 : tensor->axis;
  params.range_min = tensor->range_min;
  params.range_max = tensor->range_max;
  return params;
}

Status attach(GstBuffer* buffer, std::span<const Tensor> tensors, std::span<const TensorInfo> infos,
              std::span<const QuantParams> params, GstQuantTensorRole role, const char* source) {
  if (tensors.size() != infos.size() || (!params.empty() && params.size() != infos.size())) {
    return fail(ErrorCode::kInternal,
                fmt::format("{} tensors where the model has {}", tensors.size(), infos.size()));
  }
  std::vector<GstPointer<GstQuantTensor>> made;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    QUANT_TRY_ASSIGN(auto tensor, to_gst(tensors[i], infos[i].name, role, source));
    if (!params.empty()) set_params(tensor.get(), params[i]);
    made.push_back(std::move(tensor));
  }
  if (role == GST_QUANT_TENSOR_ROLE_DEQUANTIZED) attach_upstream_tensors(buffer, made);
  for (auto& tensor : made) gst_buffer_add_quant_tensor_meta(buffer, tensor.release());
  return {};
}

Status attach_device(GstBuffer* buffer, const DeviceTensor& tensor, const std::string& name,
                     const QuantParams* params, const char* source) {
  QUANT_TRY_ASSIGN(auto made, device_to_gst(tensor, name, GST_QUANT_TENSOR_ROLE_QUANTIZED, source));
  if (params) {
    set_params(made.get(), *params);
    if (made->num_scales != params->scale.size()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{} scales do not fit {}", params->scale.size(), to_string(tensor.layout)),
          name);
    }
  }
  gst_buffer_add_quant_tensor_meta(buffer, made.release());
  return {};
}

Result<std::vector<Tensor>> collect(GstBuffer* buffer, std::span<const TensorInfo> infos,
                                    GstQuantTensorRole role) {
  std::vector<Tensor> tensors;
  for (const TensorInfo& info : infos) {
    GstQuantTensor* found =
        gst_buffer_get_quant_tensor(buffer, role, g_quark_try_string(info.name.c_str()));
    // An unknown quark is 0, which would match any tensor.
    if (!found || info.name != found->name) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("the buffer carries no {} tensor of that name",
                              gst_quant_tensor_role_get_nick(role)),
                  info.name);
    }
    QUANT_TRY_ASSIGN(Tensor tensor, from_gst(found));
    const bool same_shape = !is_static(info.shape) || tensor.shape() == info.shape;
    if (tensor.type() != info.type || !same_shape) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("the {} tensor is {} {}, the model has {} {}",
                      gst_quant_tensor_role_get_nick(role), to_string(tensor.type()),
                      to_string(tensor.shape()), to_string(info.type), to_string(info.shape)),
          info.name);
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace quant::element
