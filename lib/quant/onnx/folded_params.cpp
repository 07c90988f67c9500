// SPDX-License-Identifier: MIT
#include "quant/onnx/folded_params.h"

#include <algorithm>

namespace quant {

std::vector<float> integers_as_floats(const Tensor& integers) {
  const auto copied = [&]<typename T>(std::span<const T> data) {
    std::vector<float> values;
    for (const T value : data) values.push_back(static_cast<float>(value));
    return values;
  };
  switch (integers.type()) {
    case DataType::kUint8:
      return copied(integers.data<std::uint8_t>());
    case DataType::kInt8:
      return copied(integers.data<std::int8_t>());
    case DataType::kUint16:
      return copied(integers.data<std::uint16_t>());
    case DataType::kInt16:
      return copied(integers.data<std::int16_t>());
    case DataType::kInt32:
      return copied(integers.data<std::int32_t>());
    // No other type is dequantized.
    default:
      return {};
  }
}

namespace {

std::optional<QuantParams> dequantized(const Graph& graph, const Node& node) {
  if (node.attributes.integer("block_size", 0) > 0) return std::nullopt;
  const Value& stored = graph.value(node.inputs[0]);
  const auto scales = graph.value(node.inputs[1]).constant->data<float>();
  QuantParams params;
  params.type = stored.type;
  params.scale.assign(scales.begin(), scales.end());
  params.zero_point.assign(scales.size(), 0.0F);
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue)
    params.zero_point = integers_as_floats(*graph.value(node.inputs[2]).constant);
  if (params.scale.empty() || params.zero_point.size() != params.scale.size()) return std::nullopt;
  if (params.per_channel()) {
    const auto axis = node.attributes.integer("axis", 1);
    params.axis =
        static_cast<int>(axis < 0 ? axis + static_cast<std::int64_t>(stored.shape.size()) : axis);
  }
  return params;
}

std::optional<QuantParams> transposed(QuantParams params, const Node& node, std::size_t rank) {
  if (!params.per_channel()) return params;
  const auto perm = node.attributes.integers("perm");
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t from = perm.empty() ? rank - 1 - axis : static_cast<std::size_t>(perm[axis]);
    if (from != static_cast<std::size_t>(params.axis)) continue;
    params.axis = static_cast<int>(axis);
    return params;
  }
  return std::nullopt;
}

}  // namespace

std::optional<QuantParams> folded_params(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNoValue) return std::nullopt;
  if (node.op == OpKind::kDequantizeLinear) return dequantized(graph, node);
  const Value& source = graph.value(node.inputs[0]);
  if (!source.quant) return std::nullopt;
  switch (node.op) {
    case OpKind::kTranspose:
      return transposed(*source.quant, node, source.shape.size());
    case OpKind::kIdentity:
      return source.quant;
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
    case OpKind::kExpand:
    case OpKind::kSlice:
    case OpKind::kGather:
      return source.quant->per_channel() ? std::nullopt : source.quant;
    // Whatever else is computed has other values.
    default:
      return std::nullopt;
  }
}

}  // namespace quant
