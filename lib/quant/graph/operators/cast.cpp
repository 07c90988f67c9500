// SPDX-License-Identifier: MIT
#include "quant/graph/operators/cast.h"

#include <fmt/format.h>

#include <array>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

void cast_into(const Tensor& from, Tensor& to) {
  visit_type(AnyTypes{}, from.type(), [&]<typename From>(std::type_identity<From>) {
    const auto source = from.data<From>();
    if (to.type() == DataType::kBool) {
      const auto target = to.data<std::uint8_t>();
      for (std::size_t i = 0; i < source.size(); ++i) target[i] = source[i] != From{0} ? 1 : 0;
      return;
    }
    visit_type(NumericTypes{}, to.type(), [&]<typename To>(std::type_identity<To>) {
      To* const target = to.data<To>().data();
      for (std::size_t i = 0; i < source.size(); ++i) target[i] = cast_element<To>(source[i]);
    });
  });
}

Result<std::vector<TensorType>> infer_cast(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* input, required_type(context, 0));
  if (!context.node.attributes.has("to")) {
    return fail(ErrorCode::kInvalidData, "the attribute 'to' is missing");
  }
  QUANT_TRY_ASSIGN(const DataType type,
                   data_type_of_number(context.node.attributes.integer("to", 0)));
  return std::vector<TensorType>{{type, input->shape}};
}

Status compute_cast(const NodeContext& context, std::span<Tensor> outputs) {
  outputs[0] = cast(*context.constants[0], outputs[0].type());
  return {};
}

constexpr std::array kOperators = {
    computed_operator<infer_cast, compute_cast, BufferFill::kUndefined>(OpKind::kCast, 1, 1),
};

}  // namespace

Tensor cast(const Tensor& tensor, DataType type) {
  if (tensor.type() == type) return tensor;
  Tensor result(type, tensor.shape());
  cast_into(tensor, result);
  return result;
}

Result<DataType> data_type_of_number(std::int64_t onnx_number) {
  switch (onnx_number) {
    case 1:
    case 10:
    case 16:
      return DataType::kFloat32;
    case 2:
      return DataType::kUint8;
    case 3:
      return DataType::kInt8;
    case 4:
      return DataType::kUint16;
    case 5:
      return DataType::kInt16;
    case 6:
      return DataType::kInt32;
    case 7:
      return DataType::kInt64;
    case 9:
      return DataType::kBool;
    case 11:
      return DataType::kFloat64;
    case 12:
      return DataType::kUint32;
    case 13:
      return DataType::kUint64;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("element type {} of ONNX is not supported", onnx_number));
}

std::span<const Operator> cast_operators() { return kOperators; }

}  // namespace quant
