// SPDX-License-Identifier: MIT
#include <onnx/onnx_pb.h>

#include <array>
#include <numeric>

#include "quant/onnx/element_type.h"
#include "quant/onnx/rewrite_rules.h"

namespace quant {
namespace {

// The value with `count` axes of size 1 appended.
Result<ValueId> with_trailing_axes(GraphBuilder& builder, const std::string& name, ValueId id,
                                   std::size_t count) {
  std::vector<std::int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), static_cast<std::int64_t>(builder.shape(id).size()));
  const ValueId axes_id = builder.add_constant(name + "/axes", int64_vector(axes));
  return builder.add_inner_node({OpKind::kUnsqueeze, name, {id, axes_id}, {}, {}},
                                name + "/aligned");
}

// Opset 6 and older: the second operand's axes are laid along `axis` of the first.
Status old_broadcast(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 7) return {};
  const bool has_axis = form.attributes.has("axis");
  std::int64_t axis = form.attributes.integer("axis", 0);
  const bool broadcast = form.attributes.integer("broadcast", 0) != 0;
  form.attributes.erase("axis");
  form.attributes.erase("broadcast");
  if (!broadcast || !has_axis || form.input(0) == kNoValue || form.input(1) == kNoValue) return {};
  const auto rank = static_cast<std::int64_t>(builder.shape(form.input(0)).size());
  const auto second_rank = static_cast<std::int64_t>(builder.shape(form.input(1)).size());
  if (axis < 0) axis += rank;
  const std::int64_t trailing = rank - axis - second_rank;
  if (axis < 0 || trailing < 0) {
    return fail(ErrorCode::kInvalidData, "the second input does not fit at its axis");
  }
  if (trailing == 0) return {};
  QUANT_TRY_ASSIGN(form.inputs[1], with_trailing_axes(builder, form.name, form.input(1),
                                                      static_cast<std::size_t>(trailing)));
  return {};
}

// Opset 6 and older: one slope a channel.
Status prelu(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 7 || form.input(0) == kNoValue || form.input(1) == kNoValue) return {};
  const std::size_t rank = builder.shape(form.input(0)).size();
  const Shape& slope = builder.shape(form.input(1));
  if (slope.size() != 1 || slope[0] == 1 || rank < 3) return {};
  QUANT_TRY_ASSIGN(form.inputs[1], with_trailing_axes(builder, form.name, form.input(1), rank - 2));
  return {};
}

Status clip(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 11 || form.input(0) == kNoValue) return {};
  const DataType type = builder.value(form.input(0)).type;
  std::size_t index = 1;
  for (const std::string bound : {"min", "max"}) {
    if (form.attributes.has(bound)) {
      form.set_input(index,
                     builder.add_constant(form.name + "/" + bound,
                                          float_scalar(type, form.attributes.number(bound, 0))));
      form.attributes.erase(bound);
    }
    ++index;
  }
  return {};
}

Status gemm(NodeForm& form, GraphBuilder&) {
  form.attributes.erase("broadcast");
  return {};
}

Status drop_equal_cast(NodeForm& form, GraphBuilder& builder, DataType target) {
  if (form.input(0) != kNoValue && builder.value(form.input(0)).type == target) {
    form.same_as = form.input(0);
  }
  return {};
}

Status cast(NodeForm& form, GraphBuilder& builder) {
  std::int64_t to = form.attributes.integer("to", onnx::TensorProto::UNDEFINED);
  if (const std::string name = form.attributes.text("to"); !name.empty()) {
    onnx::TensorProto::DataType named = onnx::TensorProto::UNDEFINED;
    if (!onnx::TensorProto::DataType_Parse(name, &named)) {
      return fail(ErrorCode::kInvalidData, "attribute 'to' is no element type");
    }
    to = named;
  }
  QUANT_TRY_ASSIGN(const DataType target, data_type_of_onnx(to));
  form.attributes.set("to", onnx_type_of(target));
  return drop_equal_cast(form, builder, target);
}

Status cast_like(NodeForm& form, GraphBuilder& builder) {
  if (form.input(1) == kNoValue)
    return fail(ErrorCode::kInvalidData, "its second input is missing");
  const DataType target = builder.value(form.input(1)).type;
  form.inputs.resize(1);
  form.attributes.set("to", onnx_type_of(target));
  return drop_equal_cast(form, builder, target);
}

// Where all sizes behind `axis` are 1, the flattened row is the axis itself.
bool is_single_axis(const Shape& shape, std::int64_t axis) {
  for (std::size_t i = static_cast<std::size_t>(axis) + 1; i < shape.size(); ++i) {
    if (shape[i] != 1) return false;
  }
  return true;
}

Result<OpKind> softmax_kind(const std::string& op_type) {
  if (const auto kind = op_kind_from_string(op_type)) return *kind;
  return fail(ErrorCode::kInternal, "no softmax");
}

// Opset 12 and older: the tensor is seen as a matrix, everything from `axis` on as one row.
Status old_softmax(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 13 || form.input(0) == kNoValue) return {};
  const ValueId input = form.input(0);
  const Shape shape = builder.shape(input);
  const auto rank = static_cast<std::int64_t>(shape.size());
  const std::int64_t given = form.attributes.integer("axis", 1);
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) {
    return fail(ErrorCode::kInvalidData, "attribute 'axis' lies outside the input's rank");
  }
  form.attributes.set("axis", axis);
  if (is_single_axis(shape, axis)) return {};

  QUANT_TRY_ASSIGN(const OpKind kind, softmax_kind(form.op_type));
  Attributes flatten_axis;
  flatten_axis.set("axis", axis);
  QUANT_TRY_ASSIGN(const ValueId rows,
                   builder.add_inner_node({OpKind::kFlatten, form.name, {input}, {}, flatten_axis},
                                          form.name + "/rows"));
  QUANT_TRY_ASSIGN(const ValueId result, builder.add_inner_node({kind, form.name, {rows}, {}, {}},
                                                                form.name + "/result"));
  QUANT_TRY_ASSIGN(
      const ValueId sizes,
      builder.add_inner_node({OpKind::kShape, form.name, {input}, {}, {}}, form.name + "/shape"));
  form.op_type = "Reshape";
  form.inputs = {result, sizes};
  form.attributes = {};
  return {};
}

constexpr std::array kRules = {
    RewriteRule{"Add", old_broadcast},
    RewriteRule{"And", old_broadcast},
    RewriteRule{"Cast", cast},
    RewriteRule{"CastLike", cast_like},
    RewriteRule{"Clip", clip},
    RewriteRule{"Div", old_broadcast},
    RewriteRule{"Equal", old_broadcast},
    RewriteRule{"Gemm", gemm},
    RewriteRule{"Greater", old_broadcast},
    RewriteRule{"Hardmax", old_softmax},
    RewriteRule{"Less", old_broadcast},
    RewriteRule{"LogSoftmax", old_softmax},
    RewriteRule{"Mul", old_broadcast},
    RewriteRule{"Or", old_broadcast},
    RewriteRule{"PRelu", prelu},
    RewriteRule{"Pow", old_broadcast},
    RewriteRule{"Softmax", old_softmax},
    RewriteRule{"Sub", old_broadcast},
    RewriteRule{"Xor", old_broadcast},
};

}  // namespace

std::span<const RewriteRule> arithmetic_rules() { return kRules; }

}  // namespace quant
