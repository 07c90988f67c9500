// SPDX-License-Identifier: MIT
#include "quant/tensor/data_type.h"

#include <array>

namespace quant {

std::size_t size_of(DataType type) {
  switch (type) {
    case DataType::kUint8:
    case DataType::kInt8:
    case DataType::kBool:
      return 1;
    case DataType::kUint16:
    case DataType::kInt16:
      return 2;
    case DataType::kFloat32:
    case DataType::kUint32:
    case DataType::kInt32:
      return 4;
    case DataType::kFloat64:
    case DataType::kUint64:
    case DataType::kInt64:
      return 8;
  }
  return 0;
}

const char* to_string(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return "float32";
    case DataType::kFloat64:
      return "float64";
    case DataType::kUint8:
      return "uint8";
    case DataType::kInt8:
      return "int8";
    case DataType::kUint16:
      return "uint16";
    case DataType::kInt16:
      return "int16";
    case DataType::kUint32:
      return "uint32";
    case DataType::kInt32:
      return "int32";
    case DataType::kUint64:
      return "uint64";
    case DataType::kInt64:
      return "int64";
    case DataType::kBool:
      return "bool";
  }
  return "unknown";
}

std::optional<DataType> data_type_from_string(std::string_view name) {
  constexpr std::array kAll = {DataType::kFloat32, DataType::kFloat64, DataType::kUint8,
                               DataType::kInt8,    DataType::kUint16,  DataType::kInt16,
                               DataType::kUint32,  DataType::kInt32,   DataType::kUint64,
                               DataType::kInt64,   DataType::kBool};
  for (const DataType type : kAll) {
    if (name == to_string(type)) return type;
  }
  return std::nullopt;
}

}  // namespace quant
