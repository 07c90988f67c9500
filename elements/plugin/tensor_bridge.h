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
#include "quant/tensor/tensor.h"

namespace quant::element {

// The same elements as a tensor for a buffer. Internal where the type has none of GStreamer's
// (bool).
Result<GstPointer<GstQuantTensor>> to_gst(const Tensor& tensor, const std::string& name,
                                          GstQuantTensorRole role, const char* source);
// The same elements as a tensor of the library; they stay mapped as long as it lives. Unsupported
// for 4-bit and half-precision types, Io where the memory cannot be mapped.
Result<Tensor> from_gst(GstQuantTensor* tensor);

// Scale, zero point and range.
void set_params(GstQuantTensor* tensor, const QuantParams& params);
// What set_params stored; Unsupported where the scale is unknown.
Result<QuantParams> params_of(const GstQuantTensor* tensor);

// Hangs `tensors`, described by `infos`, on `buffer`; `params` is empty for floats. Dequantized
// tensors are also attached as GstTensorMeta where this was built with GStreamer 1.26 or newer.
Status attach(GstBuffer* buffer, std::span<const Tensor> tensors, std::span<const TensorInfo> infos,
              std::span<const QuantParams> params, GstQuantTensorRole role, const char* source);
// The tensors of that role by name, in the order of `infos`. NotFound naming the first that is
// absent; InvalidData where type or shape differ from `infos`.
Result<std::vector<Tensor>> collect(GstBuffer* buffer, std::span<const TensorInfo> infos,
                                    GstQuantTensorRole role);

}  // namespace quant::element
