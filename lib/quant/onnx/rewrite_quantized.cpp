// SPDX-License-Identifier: MIT
// Quantized operators of the domain com.microsoft (ONNX Runtime's) as what they stand for:
// DequantizeLinear, the operator on real values, QuantizeLinear.
#include <algorithm>
#include <array>

#include "quant/onnx/rewrite_rules.h"
#include "quant/onnx/unsupported.h"

namespace quant {
namespace {

// Three inputs of `form` from `first` on: integers, scale, zero point.
Result<ValueId> real_values(const NodeForm& form, GraphBuilder& builder, std::size_t first,
                            Attributes attributes = {}) {
  return builder.add_inner_node({OpKind::kDequantizeLinear,
                                 form.name,
                                 {form.input(first), form.input(first + 1), form.input(first + 2)},
                                 {},
                                 std::move(attributes)},
                                form.name + "/dequantized");
}

// `form` becomes the QuantizeLinear of what `real` makes; inputs `scale` and `scale` + 1 of `form`
// are its parameters.
Status quantize_result(NodeForm& form, GraphBuilder& builder, NodeForm real, std::size_t scale) {
  real.name = form.name;
  QUANT_TRY(rewrite_to_current_opset(real, builder));
  const std::string& hint = form.outputs.empty() ? form.name : form.outputs.front();
  const auto kind = onnx_op_kind(real.op_type);
  if (!kind) return fail(ErrorCode::kInternal, "a quantized operator was rewritten to none");
  QUANT_TRY_ASSIGN(const ValueId result,
                   builder.add_inner_node(
                       {*kind, form.name, std::move(real.inputs), {}, std::move(real.attributes)},
                       hint + "/real"));
  form.op_type = "QuantizeLinear";
  form.inputs = {result, form.input(scale), form.input(scale + 1)};
  form.attributes = {};
  return {};
}

// Inputs a, b (three each), then scale and zero point of the output.
template <const char* kOperator>
Status binary(NodeForm& form, GraphBuilder& builder) {
  NodeForm real;
  real.op_type = kOperator;
  real.opset =
      std::max<std::int64_t>(form.opset, 7);  // numpy's broadcasting, whatever the model is
  for (const std::size_t operand : {0, 3}) {
    QUANT_TRY_ASSIGN(const ValueId id, real_values(form, builder, operand));
    real.inputs.push_back(id);
  }
  return quantize_result(form, builder, std::move(real), 6);
}

// Input x (three), then scale and zero point of the output.
template <const char* kOperator>
Status unary(NodeForm& form, GraphBuilder& builder) {
  if (form.attributes.integer("channels_last", 0) != 0)
    return fail(ErrorCode::kUnsupported, "attribute channels_last is not supported");
  NodeForm real;
  real.op_type = kOperator;
  real.opset = form.attributes.integer("opset", form.opset);
  real.attributes = form.attributes;
  real.attributes.erase("channels_last");
  real.attributes.erase("opset");
  QUANT_TRY_ASSIGN(const ValueId x, real_values(form, builder, 0));
  real.inputs = {x};
  return quantize_result(form, builder, std::move(real), 3);
}

// Its axes are an attribute, as before opset 18.
Status reduce_mean(NodeForm& form, GraphBuilder& builder) {
  static constexpr char kReduceMean[] = "ReduceMean";
  constexpr std::int64_t kAxesAreAnAttribute = 13;
  form.attributes.set("opset", kAxesAreAnAttribute);
  return unary<kReduceMean>(form, builder);
}

// Scale and zero point of the output, then three inputs for each part.
Status concat(NodeForm& form, GraphBuilder& builder) {
  NodeForm real;
  real.op_type = "Concat";
  real.opset = form.opset;
  real.attributes = form.attributes;
  for (std::size_t part = 2; part + 2 < form.inputs.size(); part += 3) {
    QUANT_TRY_ASSIGN(const ValueId id, real_values(form, builder, part));
    real.inputs.push_back(id);
  }
  return quantize_result(form, builder, std::move(real), 0);
}

// a, b (three each), bias (int32 at scale alpha·s_a·s_b), scale and zero point of the output;
// without these the result is float.
Status gemm(NodeForm& form, GraphBuilder& builder) {
  NodeForm real;
  real.op_type = "Gemm";
  real.opset = form.opset;
  real.attributes = form.attributes;
  Attributes columns;
  columns.set("axis", std::int64_t{form.attributes.integer("transB", 0) != 0 ? 0 : 1});
  QUANT_TRY_ASSIGN(const ValueId a, real_values(form, builder, 0));
  QUANT_TRY_ASSIGN(const ValueId b, real_values(form, builder, 3, columns));
  real.inputs = {a, b};
  if (form.input(6) != kNoValue) {
    const ValueId alpha = builder.add_constant(
        form.name + "/alpha", Tensor::scalar(form.attributes.number("alpha", 1.0F)));
    const auto product = [&](ValueId x, ValueId y) {
      return builder.add_inner_node({OpKind::kMul, form.name, {x, y}, {}, {}},
                                    form.name + "/bias_scale");
    };
    QUANT_TRY_ASSIGN(const ValueId scaled, product(form.input(1), form.input(4)));
    QUANT_TRY_ASSIGN(const ValueId scale, product(scaled, alpha));
    Attributes by_column;
    by_column.set("axis", std::int64_t{-1});
    QUANT_TRY_ASSIGN(const ValueId bias, builder.add_inner_node({OpKind::kDequantizeLinear,
                                                                 form.name,
                                                                 {form.input(6), scale},
                                                                 {},
                                                                 std::move(by_column)},
                                                                form.name + "/bias"));
    real.inputs.push_back(bias);
  }
  if (form.input(7) != kNoValue) return quantize_result(form, builder, std::move(real), 7);
  form.op_type = real.op_type;
  form.inputs = std::move(real.inputs);
  return {};
}

// The same as ONNX's, older and for more types.
template <const char* kOperator>
Status as_onnx(NodeForm& form, GraphBuilder&) {
  form.op_type = kOperator;
  return {};
}

constexpr char kAdd[] = "Add";
constexpr char kAveragePool[] = "AveragePool";
constexpr char kDequantizeLinear[] = "DequantizeLinear";
constexpr char kGlobalAveragePool[] = "GlobalAveragePool";
constexpr char kLeakyRelu[] = "LeakyRelu";
constexpr char kMul[] = "Mul";
constexpr char kQuantizeLinear[] = "QuantizeLinear";
constexpr char kSigmoid[] = "Sigmoid";
constexpr char kSoftmax[] = "Softmax";

constexpr std::array kRules = {
    RewriteRule{"com.microsoft.DequantizeLinear", as_onnx<kDequantizeLinear>},
    RewriteRule{"com.microsoft.QGemm", gemm},
    RewriteRule{"com.microsoft.QLinearAdd", binary<kAdd>},
    RewriteRule{"com.microsoft.QLinearAveragePool", unary<kAveragePool>},
    RewriteRule{"com.microsoft.QLinearConcat", concat},
    RewriteRule{"com.microsoft.QLinearGlobalAveragePool", unary<kGlobalAveragePool>},
    RewriteRule{"com.microsoft.QLinearLeakyRelu", unary<kLeakyRelu>},
    RewriteRule{"com.microsoft.QLinearMul", binary<kMul>},
    RewriteRule{"com.microsoft.QLinearReduceMean", reduce_mean},
    RewriteRule{"com.microsoft.QLinearSigmoid", unary<kSigmoid>},
    RewriteRule{"com.microsoft.QLinearSoftmax", unary<kSoftmax>},
    RewriteRule{"com.microsoft.QuantizeLinear", as_onnx<kQuantizeLinear>},
};

}  // namespace

std::span<const RewriteRule> quantized_rules() { return kRules; }

}  // namespace quant
