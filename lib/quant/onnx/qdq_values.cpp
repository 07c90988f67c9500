// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "quant/onnx/qdq_opset.h"

namespace quant {
namespace {

template <typename T>
Tensor integers_of(const std::vector<float>& values, const Shape& shape) {
  Tensor tensor(DataTypeOf<T>::value, shape);
  std::transform(values.begin(), values.end(), tensor.data<T>().begin(),
                 [](float value) { return static_cast<T>(std::nearbyint(value)); });
  return tensor;
}

// One value alone is a scalar: the whole tensor has it.
Shape parameter_shape(std::size_t count) {
  return count == 1 ? Shape{} : Shape{static_cast<std::int64_t>(count)};
}

// Zero points in the type of what is quantized; frames have fractions, which the kernels round.
Tensor zero_points_of(const QuantParams& params) {
  const Shape shape = parameter_shape(params.zero_point.size());
  switch (params.type) {
    case DataType::kUint8:
      return integers_of<std::uint8_t>(params.zero_point, shape);
    case DataType::kInt8:
      return integers_of<std::int8_t>(params.zero_point, shape);
    case DataType::kUint16:
      return integers_of<std::uint16_t>(params.zero_point, shape);
    case DataType::kInt16:
      return integers_of<std::int16_t>(params.zero_point, shape);
    default:  // biases; the archive's reader lets no other type be quantized
      return integers_of<std::int32_t>(params.zero_point, shape);
  }
}

// Rounded once, to float32.
Tensor real_bias(const Tensor& levels, const QuantParams& params) {
  Tensor result(DataType::kFloat32, levels.shape());
  const auto from = levels.data<std::int64_t>();
  const auto to = result.data<float>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const double scale = params.scale[params.scale.size() == 1 ? 0 : i];
    to[i] = static_cast<float>(static_cast<double>(from[i]) * scale);
  }
  return result;
}

Tensor exchange_axes(const Tensor& matrix) {
  const auto rows = static_cast<std::size_t>(matrix.shape()[0]);
  const auto columns = static_cast<std::size_t>(matrix.shape()[1]);
  Tensor result(matrix.type(), {matrix.shape()[1], matrix.shape()[0]});
  const std::size_t size = size_of(matrix.type());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      std::memcpy(result.raw() + (column * rows + row) * size,
                  matrix.raw() + (row * columns + column) * size, size);
    }
  }
  return result;
}

}  // namespace

QdqValues::QdqValues(const Graph& graph, int opset, QdqGraph& out)
    : graph_(graph), out_(out), names_(graph.values.size()) {
  if (opset < kOpsetOfInt4) return;
  for (const Node& node : graph.nodes) {
    if (has_int4_weights(graph, node)) int4_.insert(node.inputs[1]);
  }
}

const std::string& QdqValues::add_integers(ValueId id, const std::string& name,
                                           const Tensor& integers) {
  return int4_.contains(id) ? out_.add_int4(name, integers) : out_.add_constant(name, integers);
}

const std::string& QdqValues::quantized(ValueId id) {
  std::string& name = names(id).quantized;
  if (!name.empty()) return name;
  name = out_.derive(name_of(id), "_quantized");
  if (const auto& constant = graph_.value(id).constant) add_integers(id, name, *constant);
  return name;
}

const std::string& QdqValues::scale(ValueId id) {
  std::string& name = names(id).scale;
  if (!name.empty()) return name;
  const std::vector<float>& scales = graph_.value(id).quant->scale;
  return out_.add_constant(name = out_.derive(name_of(id), "_scale"),
                           Tensor::from<float>(parameter_shape(scales.size()), scales));
}

const std::string& QdqValues::zero_point(ValueId id) {
  std::string& name = names(id).zero_point;
  if (!name.empty()) return name;
  return add_integers(id, name = out_.derive(name_of(id), "_zero_point"),
                      zero_points_of(*graph_.value(id).quant));
}

// As many ones as the value has zero points.
const std::string& QdqValues::unit(ValueId id) {
  std::string& name = names(id).unit;
  if (!name.empty()) return name;
  const std::vector<float> ones(graph_.value(id).quant->zero_point.size(), 1.0F);
  return out_.add_constant(name = out_.derive(name_of(id), "_unit"),
                           Tensor::from<float>(parameter_shape(ones.size()), ones));
}

void QdqValues::dequantize(ValueId id, const std::string& target, const std::string& scale,
                           int axis) {
  out_.add_node("DequantizeLinear", target + "/DequantizeLinear",
                {quantized(id), scale, zero_point(id)}, {target}, axis_attribute(id, axis));
}

Attributes QdqValues::axis_attribute(ValueId id, int axis) const {
  Attributes attributes;
  if (graph_.value(id).quant->per_channel())
    attributes.set("axis", static_cast<std::int64_t>(axis));
  return attributes;
}

const std::string& QdqValues::real(ValueId id) {
  std::string& name = names(id).real;
  if (!name.empty()) return name;
  const bool is_frame =
      std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  name = is_frame ? out_.derive(name_of(id), "_frame") : out_.claim(name_of(id));
  const Value& value = graph_.value(id);
  // DequantizeLinear reads no int64: what it would make of one.
  if (value.type == DataType::kInt64)
    return out_.add_constant(name, real_bias(*value.constant, *value.quant));
  dequantize(id, name, scale(id), value.quant->axis);
  return name;
}

const std::string& QdqValues::transposed(ValueId id, bool in_steps) {
  Names& known = names(id);
  if (!known.real.empty()) return known.real;
  const Value& value = graph_.value(id);
  add_integers(id, known.quantized = out_.derive(value.name, "_quantized"),
               exchange_axes(*value.constant));
  known.real = out_.claim(value.name);
  dequantize(id, known.real, in_steps ? unit(id) : scale(id), 1 - value.quant->axis);
  return known.real;
}

const std::string& QdqValues::real_for_weights(ValueId id) {
  return graph_.value(id).quant->is_plain() ? real(id) : steps(id);
}

const std::string& QdqValues::steps(ValueId id) {
  std::string& name = names(id).steps;
  if (!name.empty()) return name;
  name = out_.derive(name_of(id), "_steps");
  dequantize(id, name, unit(id), graph_.value(id).quant->axis);
  return name;
}

std::string QdqValues::plain(ValueId id) {
  if (id == kNoValue) return {};
  std::string& name = names(id).plain;
  if (!name.empty()) return name;
  return out_.add_constant(name = out_.claim(name_of(id)), *graph_.value(id).constant);
}

std::string QdqValues::computed(ValueId id) { return out_.derive(name_of(id), "_computed"); }

void QdqValues::quantize(ValueId id, const std::string& computed) {
  quantize_by(id, computed, scale(id));
}

void QdqValues::quantize_steps(ValueId id, const std::string& computed) {
  quantize_by(id, computed, unit(id));
}

void QdqValues::quantize_by(ValueId id, const std::string& computed, const std::string& scale) {
  const std::string& target = quantized(id);
  out_.add_node("QuantizeLinear", target + "/QuantizeLinear", {computed, scale, zero_point(id)},
                {target}, axis_attribute(id, graph_.value(id).quant->axis));
}

}  // namespace quant
