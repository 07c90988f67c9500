// SPDX-License-Identifier: MIT
// Weights: ONNX's tensor messages, in all their forms, as tensors.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>

#include "quant/base/result.h"
#include "quant/tensor/tensor.h"

namespace quant {

// The tensor that a message holds: raw bytes or typed fields, or a part of a file below
// `external_data_dir` (empty: there is none). float16 and bfloat16 become float32, INT4 and UINT4
// int8 and uint8. Sizes are
// checked against the data that is there before anything is allocated. Errors name the tensor.
Result<Tensor> read_tensor(const onnx::TensorProto& proto,
                           const std::filesystem::path& external_data_dir);

// A sparse tensor written out densely: listed values at listed indices, 0 elsewhere.
Result<Tensor> read_sparse_tensor(const onnx::SparseTensorProto& proto,
                                  const std::filesystem::path& external_data_dir);

}  // namespace quant
