// SPDX-License-Identifier: MIT
// QuantizeLinear and DequantizeLinear; QLinearConv and QLinearMatMul have a file of their own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/qlinear.h"
#include "quant/graph/operators/quantized_values.h"

namespace quant {
namespace {

using Types = std::vector<TensorType>;
using QuantizedTypes = TypeList<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t>;

// Which scale belongs to which element: element (outer, i, inner) takes scale
// (outer, i / block, inner), where an axis without blocks has its scales for outer = inner = 0
// only.
struct ScaleLayout {
  AxisSpan along;
  std::int64_t block = 1;
  std::int64_t scales = 1;  // along the axis
  bool blocked = false;

  std::int64_t index(std::int64_t outer, std::int64_t i, std::int64_t inner) const {
    if (blocked) return (outer * scales + i / block) * along.inner + inner;
    return scales == 1 ? 0 : i;
  }
};

Status check_scales(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* scale, float_input(context, 1));
  const TensorType* zero = optional_type(context, 2);
  if (zero != nullptr && is_static(zero->shape) && is_static(scale->shape) &&
      element_count(zero->shape) != element_count(scale->shape)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("scales {} and zero points {} do not fit each other",
                            to_string(scale->shape), to_string(zero->shape)));
  }
  const Shape& x = context.types[0]->shape;
  if (!is_static(scale->shape) || element_count(scale->shape) == 1) return {};
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 1), x.size()));
  const std::int64_t block = context.node.attributes.integer("block_size", 0);
  bool fits = scale->shape.size() == 1 && may_equal(scale->shape[0], x[axis]);
  if (block > 0) {
    fits = scale->shape.size() == x.size();
    for (std::size_t i = 0; fits && i < x.size(); ++i) {
      const std::int64_t expected = i != axis || x[i] < 0 ? x[i] : (x[i] + block - 1) / block;
      fits = may_equal(scale->shape[i], expected);
    }
  }
  if (fits && block >= 0 && block <= kMaxElements) return {};
  return fail(ErrorCode::kInvalidData, fmt::format("scales {} do not fit axis {} of a tensor {}",
                                                   to_string(scale->shape), axis, to_string(x)));
}

// Precondition: check_scales.
Result<ScaleLayout> scale_layout(const NodeContext& context) {
  ScaleLayout layout;
  const Shape& x = context.types[0]->shape;
  const Shape& scale = context.types[1]->shape;
  if (element_count(scale) == 1) {
    layout.along = {1, 1, element_count(x)};
    return layout;
  }
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 1), x.size()));
  layout.along = axis_span(x, axis);
  layout.blocked = context.node.attributes.integer("block_size", 0) > 0;
  layout.block = std::max<std::int64_t>(1, context.node.attributes.integer("block_size", 0));
  layout.scales = layout.blocked ? scale[axis] : x[axis];
  return layout;
}

// Calls each(element, scale index) for all elements in order.
template <typename Each>
void for_each_element(const ScaleLayout& layout, Each each) {
  std::size_t element = 0;
  for (std::int64_t outer = 0; outer < layout.along.outer; ++outer) {
    for (std::int64_t i = 0; i < layout.along.size; ++i) {
      for (std::int64_t inner = 0; inner < layout.along.inner; ++inner) {
        each(element++, static_cast<std::size_t>(layout.index(outer, i, inner)));
      }
    }
  }
}

// ONNX's numbers for element types, as output_dtype has them; 0 means: as the zero point, else
// uint8.
Result<DataType> quantized_type(const NodeContext& context) {
  const TensorType* zero = optional_type(context, 2);
  const std::int64_t wanted = context.node.attributes.integer("output_dtype", 0);
  DataType type = zero == nullptr ? DataType::kUint8 : zero->type;
  switch (wanted) {
    case 0:
      break;
    case 2:
      type = DataType::kUint8;
      break;
    case 3:
      type = DataType::kInt8;
      break;
    case 4:
      type = DataType::kUint16;
      break;
    case 5:
      type = DataType::kInt16;
      break;
    default:
      return fail(ErrorCode::kUnsupported, fmt::format("attribute output_dtype is {}", wanted));
  }
  if (!QuantizedTypes::contains(type)) return unsupported_type(type, 2);
  if (zero != nullptr && zero->type != type) {
    return fail(ErrorCode::kInvalidData, "attribute output_dtype and the zero point's type differ");
  }
  return type;
}

Result<Types> infer_quantize(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY(check_scales(context));
  QUANT_TRY_ASSIGN(const DataType type, quantized_type(context));
  return Types{{type, x->shape}};
}

Status compute_quantize(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const ScaleLayout layout, scale_layout(context));
  const std::span<const float> x = context.constants[0]->data<float>();
  const std::span<const float> scales = context.constants[1]->data<float>();
  const Tensor* zero = constant_input(context, 2);
  const std::vector<std::int32_t> zeros =
      zero == nullptr ? std::vector<std::int32_t>(scales.size(), 0) : widened(*zero);
  visit_type(QuantizedTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
    const std::span<T> y = outputs[0].data<T>();
    for_each_element(layout, [&](std::size_t i, std::size_t s) {
      y[i] = saturate<T>(std::nearbyint(x[i] / scales[s]) + static_cast<float>(zeros[s]));
    });
  });
  return {};
}

Result<Types> infer_dequantize(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, required_type<StoredTypes>(context, 0));
  QUANT_TRY(check_type(context, 2, x->type));
  QUANT_TRY(check_scales(context));
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_dequantize(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const ScaleLayout layout, scale_layout(context));
  const std::span<const float> scales = context.constants[1]->data<float>();
  const Tensor* zero = constant_input(context, 2);
  const std::vector<std::int32_t> zeros =
      zero == nullptr ? std::vector<std::int32_t>(scales.size(), 0) : widened(*zero);
  const std::span<float> y = outputs[0].data<float>();
  visit_type(StoredTypes{}, context.types[0]->type, [&]<typename T>(std::type_identity<T>) {
    const std::span<const T> x = context.constants[0]->data<T>();
    for_each_element(layout, [&](std::size_t i, std::size_t s) {
      // Biases need all 32 bits of the difference.
      const auto difference = static_cast<std::int64_t>(x[i]) - zeros[s];
      y[i] = static_cast<float>(difference) * scales[s];
    });
  });
  return {};
}

// The scale under which x is looked up.
Status check_scale(const NodeContext& context) {
  const float scale = context.node.attributes.number("scale", 0);
  if (scale > 0 && std::isfinite(scale)) return {};
  return fail(ErrorCode::kInvalidData, fmt::format("attribute scale is {}", scale));
}

Result<Types> infer_lookup(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* table, float_input(context, 1));
  QUANT_TRY(check_scale(context));
  if (is_static(table->shape) && element_count(table->shape) == 0)
    return fail(ErrorCode::kInvalidData, "its table is empty");
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_lookup(const NodeContext& context, std::span<Tensor> outputs) {
  const std::span<const float> x = context.constants[0]->data<float>();
  const std::span<const float> table = context.constants[1]->data<float>();
  const std::span<float> y = outputs[0].data<float>();
  const float scale = context.node.attributes.number("scale", 0);
  const float zero_point = context.node.attributes.number("zero_point", 0);
  const auto last = static_cast<float>(table.size() - 1);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float level = std::nearbyint(x[i] / scale) + zero_point;
    y[i] = table[std::isnan(level) ? 0 : static_cast<std::size_t>(std::clamp(level, 0.0F, last))];
  }
  return {};
}

constexpr Operator kOperators[] = {
    computed_operator<infer_quantize, compute_quantize>(OpKind::kQuantizeLinear, 2, 3),
    computed_operator<infer_dequantize, compute_dequantize>(OpKind::kDequantizeLinear, 2, 3),
    computed_operator<infer_quantized_convolution, compute_quantized_convolution>(
        OpKind::kQLinearConv, 8, 9),
    computed_operator<infer_quantized_product, compute_quantized_product>(OpKind::kQLinearMatMul, 8,
                                                                          8),
    computed_operator<infer_lookup, compute_lookup>(OpKind::kLookup, 2, 2),
};

}  // namespace

std::span<const Operator> quantization_operators() { return kOperators; }

}  // namespace quant
