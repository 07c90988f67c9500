// SPDX-License-Identifier: MIT
// ONNX's numbers for element types, and what they become here: float16 and bfloat16 are widened to
// float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "quant/base/result.h"
#include "quant/tensor/data_type.h"

namespace quant {

// The type that tensors of ONNX type `onnx_type` (TensorProto.DataType) have in the graph.
// Unsupported for strings, complex numbers and the 8- and 4-bit types of later versions.
Result<DataType> data_type_of_onnx(std::int64_t onnx_type);
// Bytes of one element as files store it: 2 for float16, though it becomes float32. Unsupported as
// above.
Result<std::size_t> stored_element_size(std::int64_t onnx_type);
// The inverse of data_type_of_onnx; never float16.
std::int64_t onnx_type_of(DataType type);
// "FLOAT16", "STRING", …; "type 42" for a number that ONNX does not define.
std::string onnx_type_name(std::int64_t onnx_type);

}  // namespace quant
