// SPDX-License-Identifier: MIT
// Between the tensors of the library and those on buffers. Elements are shared in both directions,
// never copied.
#pragma once

#include <gst/gst.h>

#include <span>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/tensor/device_tensor.h"
#include "quant/tensor/tensor.h"

namespace quant::element {

// The same elements as a tensor for a buffer. Internal where the type has none of GStreamer's
// (bool).
Result<GstPointer<GstQuantTensor>> to_gst(const Tensor& tensor, const std::string& name,
                                          GstQuantTensorRole role, const char* source);
// The same elements as a tensor of the library; they stay mapped as long as it lives. Unsupported
// for 4-bit and half-precision types and for memory as a device left it, Io where the memory cannot
// be mapped.
Result<Tensor> from_gst(GstQuantTensor* tensor);

// Memory as a device left it, in both directions. Its dimensions on a buffer are 1 × height × width
// × channels. InvalidArgument naming the tensor where it is smaller than its layout.
Result<GstPointer<GstQuantTensor>> device_to_gst(const DeviceTensor& tensor,
                                                 const std::string& name, GstQuantTensorRole role,
                                                 const char* source);
// The same of somebody's buffer, which is shared.
Result<GstPointer<GstQuantTensor>> device_to_gst(const DeviceLayout& layout, GstBuffer* data,
                                                 const std::string& name, GstQuantTensorRole role,
                                                 const char* source);
// InvalidArgument where the tensor is contiguous, Io where the memory cannot be mapped.
Result<DeviceTensor> device_from_gst(GstQuantTensor* tensor);

// Scale, zero point and range. In a device's layout scales of channels lie along axis 3, whatever
// params.axis is.
void set_params(GstQuantTensor* tensor, const QuantParams& params);
// What set_params stored; Unsupported where the scale is unknown.
Result<QuantParams> params_of(const GstQuantTensor* tensor);

// Hangs `tensors`, described by `infos`, on `buffer`; `params` is empty for floats. Dequantized
// tensors are also attached as GstTensorMeta where this was built with GStreamer 1.26 or newer.
Status attach(GstBuffer* buffer, std::span<const Tensor> tensors, std::span<const TensorInfo> infos,
              std::span<const QuantParams> params, GstQuantTensorRole role, const char* source);
// Hangs memory as a device left it on `buffer`, role quantized. `params` nullptr: the scale is
// unknown. InvalidArgument naming the tensor where layout, memory and parameters do not fit.
Status attach_device(GstBuffer* buffer, const DeviceTensor& tensor, const std::string& name,
                     const QuantParams* params, const char* source);
// The tensors of that role by name, in the order of `infos`. NotFound naming the first that is
// absent; InvalidData where type or shape differ from `infos`.
Result<std::vector<Tensor>> collect(GstBuffer* buffer, std::span<const TensorInfo> infos,
                                    GstQuantTensorRole role);

}  // namespace quant::element
