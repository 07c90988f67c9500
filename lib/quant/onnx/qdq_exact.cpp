// SPDX-License-Identifier: MIT
#include "quant/onnx/qdq_exact.h"

#include <algorithm>
#include <numeric>

#include "quant/arithmetic/elementwise.h"
#include "quant/arithmetic/normalization.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/qdq_activation.h"

namespace quant {
namespace {

class ExactWriter {
 public:
  ExactWriter(const QdqContext& context, const Node& node)
      : context_(context), node_(node), output_(context.graph.value(node.outputs[0])) {}

  Result<bool> write() {
    switch (node_.op) {
      case OpKind::kAdd:
        return two_scaled(BinaryOp::kAdd);
      case OpKind::kSub:
        return two_scaled(BinaryOp::kSub);
      case OpKind::kMul:
        return product("Mul");
      case OpKind::kMatMul:
        return product("MatMul");
      case OpKind::kConcat:
        return concat();
      case OpKind::kSoftmax:
        return softmax();
      case OpKind::kInstanceNormalization:
      case OpKind::kLayerNormalization:
        return normalization();
      // Exact in their plain form, or with one rounding more than the emulator's.
      default:
        return false;
    }
  }

 private:
  const Value& input(std::size_t index) const { return context_.graph.value(node_.inputs[index]); }
  float scale(std::size_t index) const { return input(index).quant->scale[0]; }
  float output_scale() const { return output_.quant->scale[0]; }

  std::string constant(const char* suffix, const Tensor& tensor) {
    return context_.out.add_constant(context_.out.derive(output_.name, suffix), tensor);
  }

  // One operation of the rule; its result is called after it.
  std::string apply(const char* op, const std::vector<std::string>& inputs, const char* suffix,
                    const Attributes& attributes = {}) {
    std::string result = context_.out.derive(output_.name, suffix);
    context_.out.add_node(op, node_.name + suffix, inputs, {result}, attributes);
    return result;
  }

  std::string cast(const std::string& from, DataType type, const char* suffix) {
    Attributes to;
    to.set("to", onnx_type_of(type));
    return apply("Cast", {from}, suffix, to);
  }

  // `steps` in units of the output's scale become its integers.
  bool finish(const std::string& steps) {
    context_.values.quantize_steps(node_.outputs[0], add_activation(context_, node_, steps, true));
    return true;
  }

  bool are_quantized(std::size_t count) const {
    return node_.inputs.size() == count &&
           std::all_of(node_.inputs.begin(), node_.inputs.end(), [&](ValueId id) {
             return id != kNoValue && context_.graph.value(id).quant;
           });
  }

  Result<bool> two_scaled(BinaryOp op) {
    if (!are_quantized(2)) return fail(ErrorCode::kInvalidData, "has not two quantized operands");
    const BinaryMultipliers m = binary_multipliers(op, scale(0), scale(1), output_scale());
    const std::string a = apply(
        "Mul",
        {context_.values.steps(node_.inputs[0]), constant("_multiplier_a", Tensor::scalar(m.a))},
        "_a");
    const std::string b = apply(
        "Mul",
        {context_.values.steps(node_.inputs[1]), constant("_multiplier_b", Tensor::scalar(m.b))},
        "_b");
    return finish(apply(to_string(node_.op), {a, b}, "_computed"));
  }

  // Sums of products of two activations stay exact in float32 up to 258 terms of the largest kind.
  Result<bool> product(const char* op) {
    if (!are_quantized(2)) return fail(ErrorCode::kInvalidData, "has not two quantized operands");
    const float m = binary_multipliers(BinaryOp::kMul, scale(0), scale(1), output_scale()).a;
    const std::string products =
        apply(op, {context_.values.steps(node_.inputs[0]), context_.values.steps(node_.inputs[1])},
              "_accumulated");
    return finish(
        apply("Mul", {products, constant("_multiplier", Tensor::scalar(m))}, "_computed"));
  }

  Result<bool> concat() {
    if (!are_quantized(node_.inputs.size()))
      return fail(ErrorCode::kInvalidData, "has operands that are not quantized");
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      // Parts of a tensor with scales by channel have the same ones.
      const float m = output_.quant->per_channel() ? 1.0F : scale_ratio(scale(i), output_scale());
      parts.push_back(context_.values.steps(node_.inputs[i]));
      if (m == 1.0F) continue;
      parts.back() =
          apply("Mul", {parts.back(), constant("_multiplier", Tensor::scalar(m))}, "_part");
    }
    return finish(apply("Concat", parts, "_computed", node_.attributes));
  }

  // Axes that a reduction keeps with size 1.
  Attributes keeping_axes() const {
    Attributes attributes;
    attributes.set("keepdims", std::int64_t{1});
    return attributes;
  }

  std::string sum(const std::string& of, const std::string& axes, const char* suffix) {
    return apply("ReduceSum", {of, axes}, suffix, keeping_axes());
  }

  std::string maximum(const std::string& of, std::int64_t axis) {
    Attributes attributes = keeping_axes();
    std::vector<std::string> inputs = {of};
    if (context_.opset < 18) {
      attributes.set("axes", std::vector<std::int64_t>{axis});
    } else {
      inputs.push_back(constant("_axis", Tensor::from<std::int64_t>({1}, std::span(&axis, 1))));
    }
    return apply("ReduceMax", inputs, "_maximum", attributes);
  }

  // The emulator's table of exponentials, and float64 as there.
  Result<bool> softmax() {
    if (node_.inputs.size() != 2 || node_.inputs[1] == kNoValue || !input(1).constant ||
        input(1).type != DataType::kUint32)
      return fail(ErrorCode::kInvalidData, "has no table of exponentials");
    const std::int64_t axis = node_.attributes.integer("axis", -1);
    const auto entries = input(1).constant->data<std::uint32_t>();
    const std::vector<double> table(entries.begin(), entries.end());
    const std::string steps = context_.values.steps(node_.inputs[0]);
    const std::string below =
        cast(apply("Sub", {maximum(steps, axis), steps}, "_below"), DataType::kInt32, "_index");
    const std::string exponentials = apply(
        "Gather",
        {constant("_table", Tensor::from<double>({static_cast<std::int64_t>(table.size())}, table)),
         below},
        "_exponentials");
    const std::string total =
        sum(exponentials, constant("_axes", Tensor::from<std::int64_t>({1}, std::span(&axis, 1))),
            "_total");
    const std::string share = apply("Div", {exponentials, total}, "_share");
    const std::string level = apply(
        "Div", {share, constant("_scale_f64", Tensor::scalar(static_cast<double>(output_scale())))},
        "_level");
    // Rounded before it becomes float32, or it would be rounded twice.
    return finish(cast(apply("Round", {level}, "_rounded"), DataType::kFloat32, "_computed"));
  }

  // gamma or beta in units of the output's scale, where its elements lie.
  Tensor affine(bool gain, std::size_t first_axis) const {
    const std::size_t index = gain ? 1 : 2;
    std::vector<float> values = {gain ? 1.0F : 0.0F};
    if (index < node_.inputs.size() && node_.inputs[index] != kNoValue) {
      const auto given = input(index).constant->data<float>();
      values.assign(given.begin(), given.end());
    }
    for (float& value : values) {
      const NormalizationAffine in_steps = normalization_affine(value, value, output_scale());
      value = gain ? in_steps.gain : in_steps.offset;
    }
    if (values.size() == 1) return Tensor::scalar(values[0]);
    const Shape& whole = input(0).shape;
    Shape shape(whole.begin() + static_cast<std::ptrdiff_t>(first_axis), whole.end());
    if (node_.op == OpKind::kInstanceNormalization) {
      shape.assign(whole.size() - 1, 1);
      shape[0] = whole[1];
    }
    return Tensor::from<float>(shape, values);
  }

  Result<bool> normalization() {
    const Shape& shape = input(0).shape;
    const auto rank = static_cast<std::int64_t>(shape.size());
    const bool by_channel = node_.op == OpKind::kInstanceNormalization;
    std::int64_t first = by_channel ? 2 : node_.attributes.integer("axis", -1);
    if (first < 0) first += rank;
    if (first < 0 || first >= rank)
      return fail(ErrorCode::kInvalidData, "has no axes to normalize over");
    std::vector<std::int64_t> axes(static_cast<std::size_t>(rank - first));
    std::iota(axes.begin(), axes.end(), first);
    const auto first_axis = static_cast<std::size_t>(first);
    const std::int64_t wanted =
        by_channel ? shape[1] : element_count({shape.begin() + first, shape.end()});
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) {
      const bool fits =
          node_.inputs[i] == kNoValue ||
          (input(i).constant && input(i).type == DataType::kFloat32 &&
           (input(i).constant->elements() == 1 || input(i).constant->elements() == wanted));
      if (!fits) return fail(ErrorCode::kInvalidData, "its scale or bias does not fit its input");
    }

    const double count = static_cast<double>(element_count({shape.begin() + first, shape.end()}));
    const auto number = [&](const char* suffix, double value) {
      return constant(suffix, Tensor::scalar(value));
    };
    const std::string axes_name = constant(
        "_axes", Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, axes));
    const std::string n = number("_count", count);
    const std::string s = number("_scale_f64", scale(0));
    const std::string x = context_.values.steps(node_.inputs[0]);
    const std::string wide = cast(x, DataType::kFloat64, "_wide");
    const std::string first_sum = sum(wide, axes_name, "_sum");
    const std::string squares =
        sum(apply("Mul", {wide, wide}, "_squared"), axes_name, "_sum_of_squares");
    const std::string mean =
        cast(apply("Div", {first_sum, n}, "_mean_f64"), DataType::kFloat32, "_mean");
    const std::string numerator = apply("Sub",
                                        {apply("Mul", {squares, n}, "_n_squares"),
                                         apply("Mul", {first_sum, first_sum}, "_sum_squared")},
                                        "_numerator");
    const std::string variance =
        apply("Div", {numerator, number("_count_squared", count * count)}, "_variance");
    const std::string scaled =
        apply("Mul", {apply("Mul", {variance, s}, "_variance_s"), s}, "_variance_ss");
    const std::string root =
        apply("Sqrt",
              {apply("Add", {scaled, number("_epsilon", node_.attributes.number("epsilon", 1e-5F))},
                     "_variance_epsilon")},
              "_root");
    const std::string inverse =
        cast(apply("Div", {s, root}, "_inverse_f64"), DataType::kFloat32, "_inverse");
    const std::string unit =
        apply("Mul", {apply("Sub", {x, mean}, "_centred"), inverse}, "_normalized");
    const std::string gained =
        apply("Mul", {unit, constant("_gain", affine(true, first_axis))}, "_gained");
    return finish(
        apply("Add", {gained, constant("_offset", affine(false, first_axis))}, "_computed"));
  }

  const QdqContext& context_;
  const Node& node_;
  const Value& output_;
};

}  // namespace

Result<bool> write_exact_layer(const QdqContext& context, const Node& node) {
  return ExactWriter(context, node).write();
}

}  // namespace quant
