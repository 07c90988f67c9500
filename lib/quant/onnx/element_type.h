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

// TensorProto.DataType's numbers that the messages of older packages do not have.
inline constexpr std::int64_t kOnnxUint4 = 21;
inline constexpr std::int64_t kOnnxInt4 = 22;
inline bool is_four_bits(std::int64_t onnx_type) {
  return onnx_type == kOnnxUint4 || onnx_type == kOnnxInt4;
}

// The type that tensors of ONNX type `onnx_type` (TensorProto.DataType) have in the graph.
// Unsupported for strings, complex numbers and the 8- and 4-bit types of later versions.
Result<DataType> data_type_of_onnx(std::int64_t onnx_type);
// Bytes of `count` elements as files store them: 2 each for float16, though it becomes float32;
// half a byte for 4-bit types. Unsupported as above, but for these.
Result<std::uint64_t> stored_bytes(std::int64_t onnx_type, std::int64_t count);
// The inverse of data_type_of_onnx; never float16.
std::int64_t onnx_type_of(DataType type);
// "FLOAT16", "STRING", …; "type 42" for a number that ONNX does not define.
std::string onnx_type_name(std::int64_t onnx_type);

}  // namespace quant
