// SPDX-License-Identifier: MIT
#include "quant/onnx/tensor_proto.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>

#include "quant/onnx/element_type.h"
#include "quant/onnx/external_data.h"

namespace quant {
namespace {

using Onnx = onnx::TensorProto;

// Raw data is little-endian.
static_assert(std::endian::native == std::endian::little);

float widen_float16(std::uint16_t bits) {
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  const int exponent = (bits >> 10) & 0x1F;
  const int fraction = bits & 0x3FF;
  if (exponent == 0x1F) {
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity()
                         : std::numeric_limits<float>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
}

float widen_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// `values` are the stored 16-bit patterns.
template <typename Range>
void widen_into(Tensor& tensor, std::int64_t onnx_type, const Range& values) {
  auto out = tensor.data<float>();
  std::size_t i = 0;
  for (const auto value : values) {
    const auto bits = static_cast<std::uint16_t>(value);
    out[i++] = onnx_type == Onnx::FLOAT16 ? widen_float16(bits) : widen_bfloat16(bits);
  }
}

// Elements of 4 bits, two to a byte, the first in its low half.
template <typename Range>
Tensor widen_four_bits(std::int64_t onnx_type, const Shape& shape, const Range& bytes) {
  Tensor tensor(onnx_type == kOnnxInt4 ? DataType::kInt8 : DataType::kUint8, shape);
  const std::size_t count = tensor.bytes();
  std::size_t i = 0;
  const auto add = [&](unsigned nibble) {
    if (i == count) return;  // behind an odd number
    const unsigned sign = onnx_type == kOnnxInt4 ? 8 : 0;
    tensor.raw()[i++] = static_cast<std::byte>((nibble ^ sign) - sign);
  };
  for (const auto byte : bytes) {
    const auto pair = static_cast<unsigned>(byte);
    add(pair & 0xf);
    add(pair >> 4 & 0xf);
  }
  return tensor;
}

// Precondition: as many bytes as stored_bytes() says.
Result<Tensor> from_bytes(std::int64_t onnx_type, Shape shape, std::span<const std::byte> bytes) {
  if (is_four_bits(onnx_type)) return widen_four_bits(onnx_type, shape, bytes);
  QUANT_TRY_ASSIGN(const DataType type, data_type_of_onnx(onnx_type));
  Tensor tensor(type, std::move(shape));
  if (bytes.empty()) return tensor;
  if (onnx_type == Onnx::FLOAT16 || onnx_type == Onnx::BFLOAT16) {
    std::vector<std::uint16_t> patterns(bytes.size() / 2);
    std::memcpy(patterns.data(), bytes.data(), bytes.size());
    widen_into(tensor, onnx_type, patterns);
    return tensor;
  }
  std::memcpy(tensor.raw(), bytes.data(), bytes.size());
  if (type == DataType::kBool) {
    for (std::uint8_t& element : tensor.data<std::uint8_t>()) element = element != 0 ? 1 : 0;
  }
  return tensor;
}

template <typename T, typename Range>
Status copy_checked(Tensor& tensor, const Range& values) {
  auto out = tensor.data<T>();
  std::size_t i = 0;
  for (const auto value : values) {
    if (!std::in_range<T>(value)) {
      return fail(ErrorCode::kInvalidData, fmt::format("element {} is {}, which {} cannot hold", i,
                                                       value, to_string(tensor.type())));
    }
    out[i++] = static_cast<T>(value);
  }
  return {};
}

template <typename T, typename Range>
Status copy_plain(Tensor& tensor, const Range& values) {
  std::copy(values.begin(), values.end(), tensor.data<T>().begin());
  return {};
}

Status check_count(std::int64_t stored, std::int64_t count, const Shape& shape) {
  if (stored == count) return {};
  return fail(ErrorCode::kInvalidData, fmt::format("holds {} elements, its shape {} needs {}",
                                                   stored, to_string(shape), count));
}

Result<Tensor> from_fields(const Onnx& proto, const Shape& shape, std::int64_t count) {
  const std::int64_t onnx_type = proto.data_type();
  if (is_four_bits(onnx_type)) {
    QUANT_TRY(check_count(proto.int32_data_size(), (count + 1) / 2, shape));
    return widen_four_bits(onnx_type, shape, proto.int32_data());
  }
  QUANT_TRY_ASSIGN(const DataType type, data_type_of_onnx(onnx_type));
  const auto filled = [&](const auto& field, auto copy) -> Result<Tensor> {
    QUANT_TRY(check_count(field.size(), count, shape));
    Tensor tensor(type, shape);
    QUANT_TRY(copy(tensor, field));
    return tensor;
  };
  using Field32 = decltype(proto.int32_data());
  using Field64u = decltype(proto.uint64_data());
  switch (type) {
    case DataType::kFloat32:
      if (onnx_type != Onnx::FLOAT) {
        return filled(proto.int32_data(), [&](Tensor& tensor, Field32 field) -> Status {
          widen_into(tensor, onnx_type, field);
          return {};
        });
      }
      return filled(proto.float_data(),
                    [](Tensor& t, const auto& f) { return copy_plain<float>(t, f); });
    case DataType::kFloat64:
      return filled(proto.double_data(),
                    [](Tensor& t, const auto& f) { return copy_plain<double>(t, f); });
    case DataType::kInt64:
      return filled(proto.int64_data(),
                    [](Tensor& t, const auto& f) { return copy_plain<std::int64_t>(t, f); });
    case DataType::kUint64:
      return filled(proto.uint64_data(),
                    [](Tensor& t, Field64u f) { return copy_plain<std::uint64_t>(t, f); });
    case DataType::kUint32:
      return filled(proto.uint64_data(),
                    [](Tensor& t, Field64u f) { return copy_checked<std::uint32_t>(t, f); });
    case DataType::kUint8:
      return filled(proto.int32_data(),
                    [](Tensor& t, Field32 f) { return copy_checked<std::uint8_t>(t, f); });
    case DataType::kInt8:
      return filled(proto.int32_data(),
                    [](Tensor& t, Field32 f) { return copy_checked<std::int8_t>(t, f); });
    case DataType::kUint16:
      return filled(proto.int32_data(),
                    [](Tensor& t, Field32 f) { return copy_checked<std::uint16_t>(t, f); });
    case DataType::kInt16:
      return filled(proto.int32_data(),
                    [](Tensor& t, Field32 f) { return copy_checked<std::int16_t>(t, f); });
    case DataType::kInt32:
      return filled(proto.int32_data(),
                    [](Tensor& t, Field32 f) { return copy_plain<std::int32_t>(t, f); });
    case DataType::kBool:
      return filled(proto.int32_data(), [](Tensor& tensor, Field32 field) -> Status {
        auto out = tensor.data<std::uint8_t>();
        for (int i = 0; i < field.size(); ++i) out[static_cast<std::size_t>(i)] = field[i] != 0;
        return {};
      });
  }
  return fail(ErrorCode::kInternal, "an element type without a reader");
}

Result<Tensor> read_unnamed(const Onnx& proto, const std::filesystem::path& external_data_dir) {
  if (proto.has_segment()) {
    return fail(ErrorCode::kUnsupported, "tensors stored in segments are not supported");
  }
  const Shape shape(proto.dims().begin(), proto.dims().end());
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(shape));
  QUANT_TRY_ASSIGN(const std::uint64_t needed, stored_bytes(proto.data_type(), count));
  if (proto.data_location() == Onnx::EXTERNAL) {
    QUANT_TRY_ASSIGN(const std::vector<std::byte> bytes,
                     read_external_data(proto, external_data_dir, needed));
    return from_bytes(proto.data_type(), shape, bytes);
  }
  if (!proto.has_raw_data()) return from_fields(proto, shape, count);
  const std::string& raw = proto.raw_data();
  // Some writers set an empty raw_data beside filled typed fields.
  if (raw.empty() && needed > 0) return from_fields(proto, shape, count);
  if (raw.size() != needed) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("holds {} bytes, {} of shape {} needs {}", raw.size(),
                            onnx_type_name(proto.data_type()), to_string(shape), needed));
  }
  return from_bytes(proto.data_type(), shape, std::as_bytes(std::span(raw)));
}

// Row-major position of the `entry`-th listed value; indices are linear or one coordinate per axis.
Result<std::int64_t> sparse_position(std::span<const std::int64_t> indices, std::size_t entry,
                                     bool linear, const Shape& shape, std::int64_t count) {
  const auto outside = [&] {
    return fail(ErrorCode::kInvalidData,
                fmt::format("sparse entry {} lies outside the shape {}", entry, to_string(shape)));
  };
  if (linear) {
    const std::int64_t position = indices[entry];
    if (position < 0 || position >= count) return outside();
    return position;
  }
  std::int64_t position = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const std::int64_t index = indices[entry * shape.size() + axis];
    if (index < 0 || index >= shape[axis]) return outside();
    position = position * shape[axis] + index;
  }
  return position;
}

Result<Tensor> read_sparse_unnamed(const onnx::SparseTensorProto& proto,
                                   const std::filesystem::path& external_data_dir) {
  // Dense memory is not backed by file size here, so the bound is small: 64 Mi elements.
  constexpr std::int64_t kMaxDense = std::int64_t{1} << 26;
  const Shape shape(proto.dims().begin(), proto.dims().end());
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(shape));
  if (count > kMaxDense) {
    return fail(ErrorCode::kOutOfRange,
                fmt::format("sparse tensor of shape {} is too large", to_string(shape)));
  }
  QUANT_TRY_ASSIGN(const Tensor values, read_unnamed(proto.values(), external_data_dir));
  QUANT_TRY_ASSIGN(const Tensor indices, read_unnamed(proto.indices(), external_data_dir));
  const std::int64_t entries = values.elements();
  const bool linear = indices.rank() == 1;
  const std::int64_t wanted = linear ? entries : entries * static_cast<std::int64_t>(shape.size());
  if (indices.type() != DataType::kInt64 || indices.rank() > 2 || indices.elements() != wanted) {
    return fail(ErrorCode::kInvalidData, "indices and values of a sparse tensor do not match");
  }
  Tensor tensor(values.type(), shape);
  const std::size_t size = size_of(values.type());
  for (std::size_t entry = 0; entry < static_cast<std::size_t>(entries); ++entry) {
    QUANT_TRY_ASSIGN(const std::int64_t position,
                     sparse_position(indices.data<std::int64_t>(), entry, linear, shape, count));
    std::memcpy(tensor.raw() + static_cast<std::size_t>(position) * size,
                values.raw() + entry * size, size);
  }
  return tensor;
}

std::string described(const std::string& name) {
  return name.empty() ? std::string("a tensor without a name") : fmt::format("tensor '{}'", name);
}

}  // namespace

Result<Tensor> read_tensor(const onnx::TensorProto& proto,
                           const std::filesystem::path& external_data_dir) {
  auto tensor = read_unnamed(proto, external_data_dir);
  if (!tensor) return fail_with_context(std::move(tensor).error(), described(proto.name()));
  return tensor;
}

Result<Tensor> read_sparse_tensor(const onnx::SparseTensorProto& proto,
                                  const std::filesystem::path& external_data_dir) {
  auto tensor = read_sparse_unnamed(proto, external_data_dir);
  if (!tensor)
    return fail_with_context(std::move(tensor).error(), described(proto.values().name()));
  return tensor;
}

}  // namespace quant
