// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_weighted.h"

#include <fmt/format.h>

#include <algorithm>

#include "quant/arithmetic/requantize.h"
#include "quant/graph/integer_attributes.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/qdq_activation.h"

namespace quant {
namespace {

class WeightedWriter {
 public:
  WeightedWriter(const QdqContext& context, const Node& node)
      : context_(context), node_(node), values_(context.values) {}

  Status write() {
    QUANT_TRY(check());
    return node_.op == OpKind::kGemm ? product() : convolution();
  }

 private:
  const Value& input(std::size_t index) const { return context_.graph.value(node_.inputs[index]); }
  const Value& output() const { return context_.graph.value(node_.outputs[0]); }

  Status check() const {
    if (node_.inputs.size() != 3 || node_.inputs[1] == kNoValue || node_.inputs[2] == kNoValue ||
        node_.outputs.size() != 1 || node_.outputs[0] == kNoValue) {
      return fail(ErrorCode::kInvalidData, "has not the three inputs x, weights, bias");
    }
    for (const std::size_t index : {1, 2}) {
      if (!input(index).constant || !input(index).quant)
        return fail(ErrorCode::kInvalidData, "its weights or bias have no values or no scales");
    }
    const std::size_t rank = node_.op == OpKind::kGemm ? 2 : 4;
    const bool maps = rank == 2 || (input(0).shape.size() == 4 && output().shape.size() == 4);
    if (input(1).shape.size() != rank || input(0).shape.empty() || !maps)
      return fail(ErrorCode::kInvalidData, "its operands have wrong ranks");
    return {};
  }

  // x, weights and bias: their real values, or where they must be exact, the integers that they
  // stand for.
  std::string operand(std::size_t index) {
    const ValueId id = node_.inputs[index];
    if (context_.exact) return values_.steps(id);
    return index == 0 ? values_.real_for_weights(id) : values_.real(id);
  }

  Status convolution() {
    QUANT_TRY_ASSIGN(const Attributes attributes, convolution_attributes());
    const std::string result = product_name();
    context_.out.add_node(to_string(node_.op), node_.name, {operand(0), operand(1), operand(2)},
                          {result}, attributes);
    // One multiplier per channel, channels being the third axis from the end.
    finish(result, {-1, 1, 1});
    return {};
  }

  // Gemm takes matrices only; other ranks need MatMul.
  Status product() {
    const std::string result = product_name();
    if (input(0).shape.size() == 2) {
      Attributes attributes;
      attributes.set("transB", std::int64_t{1});
      context_.out.add_node("Gemm", node_.name, {operand(0), operand(1), operand(2)}, {result},
                            attributes);
    } else {
      const std::string x = operand(0);
      const std::string weights = values_.transposed(node_.inputs[1], context_.exact);
      const std::string product = context_.out.derive(output().name, "_product");
      context_.out.add_node("MatMul", node_.name, {x, weights}, {product});
      context_.out.add_node("Add", node_.name + "/bias", {product, operand(2)}, {result});
    }
    finish(result, {-1});
    return {};
  }

  std::string product_name() {
    return context_.exact ? context_.out.derive(output().name, "_accumulated")
                          : values_.computed(node_.outputs[0]);
  }

  void finish(const std::string& result, Shape multiplier_shape) {
    const ValueId id = node_.outputs[0];
    if (!context_.exact) {
      values_.quantize(id, add_activation(context_, node_, result, false));
      return;
    }
    // The rule of arithmetic/requantize.h with its own multipliers: accumulator·M, in float32 where
    // all tensors have 8 bits, else in float64.
    const QuantParams& x = *input(0).quant;
    const Requantization rule = make_requantization(
        x.is_plain() ? x.scale[0] : 1.0F, input(1).quant->scale, output().quant->scale, {});
    const auto count = static_cast<std::int64_t>(rule.multipliers.size());
    if (count == 1) multiplier_shape.clear();
    std::replace(multiplier_shape.begin(), multiplier_shape.end(), std::int64_t{-1}, count);
    const std::string multiplier = context_.out.derive(output().name, "_multiplier");
    const std::string computed = values_.computed(id);
    if (input(1).type == DataType::kInt16) {
      context_.out.add_constant(multiplier,
                                Tensor::from<double>(multiplier_shape, rule.wide_multipliers));
      const std::string wide = context_.out.derive(output().name, "_wide");
      cast_to(result, DataType::kFloat64, wide);
      const std::string steps = apply("Mul", {wide, multiplier}, "_level");
      // Rounded before it becomes float32, or it would be rounded twice.
      const std::string rounded = apply("Round", {steps}, "_rounded");
      cast_to(rounded, DataType::kFloat32, computed);
    } else {
      context_.out.add_constant(multiplier,
                                Tensor::from<float>(multiplier_shape, rule.multipliers));
      context_.out.add_node("Mul", node_.name + "/Mul", {result, multiplier}, {computed});
    }
    values_.quantize_steps(id, add_activation(context_, node_, computed, true));
  }

  // One operation of the rule; its result is called after it.
  std::string apply(const char* op, const std::vector<std::string>& inputs, const char* suffix) {
    std::string result = context_.out.derive(output().name, suffix);
    context_.out.add_node(op, node_.name + suffix, inputs, {result});
    return result;
  }

  void cast_to(const std::string& from, DataType type, const std::string& to) {
    Attributes attributes;
    attributes.set("to", onnx_type_of(type));
    context_.out.add_node("Cast", to + "/Cast", {from}, {to}, attributes);
  }

  Result<Attributes> convolution_attributes() const {
    const Shape& weights = input(1).shape;
    Attributes attributes = without_integer_attributes(node_.attributes);
    attributes.set("kernel_shape", std::vector<std::int64_t>(weights.begin() + 2, weights.end()));
    auto pads = attributes.integers("pads", {0, 0, 0, 0});
    const auto strides = attributes.integers("strides", {1, 1});
    const auto dilations = attributes.integers("dilations", {1, 1});
    const auto within = [](const std::vector<std::int64_t>& sizes, std::size_t count,
                           std::int64_t least) {
      constexpr std::int64_t kMost = 1 << 16;
      return sizes.size() == count && std::all_of(sizes.begin(), sizes.end(), [&](std::int64_t s) {
               return s >= least && s <= kMost;
             });
    };
    if (!within(strides, 2, 1) || !within(dilations, 2, 1) || !within(pads, 4, -(1 << 16)))
      return fail(ErrorCode::kInvalidData, "has wrong strides, dilations or pads");
    std::vector<std::int64_t> output_padding(2, 0);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      // The integer graph writes what ONNX may not: an end that reaches less far than the input, or
      // farther than the windows of a transposed convolution.
      std::int64_t& end = pads[axis + 2];
      const std::int64_t beyond = std::max<std::int64_t>(-end, 0);
      end = std::max<std::int64_t>(end, 0);
      const std::int64_t extent = (weights[axis + 2] - 1) * dilations[axis] + 1;
      const std::int64_t in = input(0).shape[axis + 2];
      std::int64_t size = (in + pads[axis] + end - extent) / strides[axis] + 1;
      if (node_.op == OpKind::kConvTranspose) {
        output_padding[axis] = beyond;
        size = (in - 1) * strides[axis] + extent - pads[axis] - end + beyond;
      }
      if (size != output().shape[axis + 2]) {
        return fail(ErrorCode::kUnsupported,
                    fmt::format("its output is {}; ONNX's would have {} where it has {}",
                                to_string(output().shape), size, output().shape[axis + 2]));
      }
    }
    attributes.set("pads", std::move(pads));
    if (output_padding != std::vector<std::int64_t>{0, 0})
      attributes.set("output_padding", std::move(output_padding));
    return attributes;
  }

  const QdqContext& context_;
  const Node& node_;
  QdqValues& values_;
};

}  // namespace

Status write_weighted_layer(const QdqContext& context, const Node& node) {
  return WeightedWriter(context, node).write();
}

}  // namespace quant
