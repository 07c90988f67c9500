// SPDX-License-Identifier: MIT
// From what a device left in memory to real values under the axes of the ONNX model.
#pragma once

#include "quant/backend/backend.h"
#include "quant/base/result.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/tensor/device_layout.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// What makes float32 of output.shape of a stream's memory, by `params` (one scale, or one for each
// of the stream's channels; not read where the device gives floats). Outputs (1, L, C) of streams
// with C channels and L pixels take them pixel by pixel, all others plane by plane, as ONNX
// flattens. InvalidArgument naming the output where the numbers of elements differ or the
// parameters do not fit.
Result<TensorDequantizer> stream_values(const DeviceLayout& stream, const QuantParams& params,
                                        const TensorInfo& output);

}  // namespace quant
