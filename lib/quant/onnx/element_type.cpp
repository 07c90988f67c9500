// SPDX-License-Identifier: MIT
#include "quant/onnx/element_type.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <array>

namespace quant {

using Onnx = onnx::TensorProto;

Result<DataType> data_type_of_onnx(std::int64_t onnx_type) {
  switch (onnx_type) {
    case Onnx::FLOAT:
    case Onnx::FLOAT16:
    case Onnx::BFLOAT16:
      return DataType::kFloat32;
    case Onnx::DOUBLE:
      return DataType::kFloat64;
    case Onnx::UINT8:
      return DataType::kUint8;
    case Onnx::INT8:
      return DataType::kInt8;
    case Onnx::UINT16:
      return DataType::kUint16;
    case Onnx::INT16:
      return DataType::kInt16;
    case Onnx::UINT32:
      return DataType::kUint32;
    case Onnx::INT32:
      return DataType::kInt32;
    case Onnx::UINT64:
      return DataType::kUint64;
    case Onnx::INT64:
      return DataType::kInt64;
    case Onnx::BOOL:
      return DataType::kBool;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("element type {} is not supported", onnx_type_name(onnx_type)));
}

Result<std::uint64_t> stored_bytes(std::int64_t onnx_type, std::int64_t count) {
  const auto elements = static_cast<std::uint64_t>(count);
  if (is_four_bits(onnx_type)) return (elements + 1) / 2;
  QUANT_TRY_ASSIGN(const DataType type, data_type_of_onnx(onnx_type));
  const bool is_half = onnx_type == Onnx::FLOAT16 || onnx_type == Onnx::BFLOAT16;
  return elements * (is_half ? 2 : size_of(type));
}

std::int64_t onnx_type_of(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return Onnx::FLOAT;
    case DataType::kFloat64:
      return Onnx::DOUBLE;
    case DataType::kUint8:
      return Onnx::UINT8;
    case DataType::kInt8:
      return Onnx::INT8;
    case DataType::kUint16:
      return Onnx::UINT16;
    case DataType::kInt16:
      return Onnx::INT16;
    case DataType::kUint32:
      return Onnx::UINT32;
    case DataType::kInt32:
      return Onnx::INT32;
    case DataType::kUint64:
      return Onnx::UINT64;
    case DataType::kInt64:
      return Onnx::INT64;
    case DataType::kBool:
      return Onnx::BOOL;
  }
  return Onnx::UNDEFINED;
}

std::string onnx_type_name(std::int64_t onnx_type) {
  // The messages of older packages do not know the last names yet.
  static constexpr std::array kNames = {
      "UNDEFINED",      "FLOAT",      "UINT8",          "INT8",       "UINT16",   "INT16",
      "INT32",          "INT64",      "STRING",         "BOOL",       "FLOAT16",  "DOUBLE",
      "UINT32",         "UINT64",     "COMPLEX64",      "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN",
      "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4",      "INT4",     "FLOAT4E2M1"};
  if (onnx_type < 0 || onnx_type >= static_cast<std::int64_t>(kNames.size())) {
    return fmt::format("type {}", onnx_type);
  }
  return kNames[static_cast<std::size_t>(onnx_type)];
}

}  // namespace quant
