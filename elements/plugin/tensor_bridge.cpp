// SPDX-License-Identifier: MIT
#include "plugin/tensor_bridge.h"

#include <fmt/format.h>

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
  Shape shape(tensor->dims, tensor->dims + tensor->num_dims);
  QUANT_TRY(checked_element_count(shape));
  if (gst_quant_tensor_get_size(tensor) == 0) return Tensor(*type, std::move(shape));
  auto mapped = std::make_shared<MappedBuffer>(tensor->data);
  if (!mapped->ok()) return fail(ErrorCode::kIo, "the memory cannot be mapped", tensor->name);
  const std::byte* data = mapped->data();
  Tensor wrapped = Tensor::wrap(*type, std::move(shape), data, std::move(mapped));
  // A region of somebody's memory can start at any byte.
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(*type) != 0) return wrapped.clone();
  return wrapped;
}

void set_params(GstQuantTensor* tensor, const QuantParams& params) {
  gst_quant_tensor_set_quantization(tensor, params.scale.size(), params.scale.data(),
                                    params.zero_point.data(), params.axis);
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
