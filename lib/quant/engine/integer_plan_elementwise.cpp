// SPDX-License-Identifier: MIT
// Arithmetic of two tensors, and functions of one element.
#include <fmt/format.h>

#include <algorithm>

#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/elementwise.h"
#include "quant/kernels/integer/find_lookup_rule.h"
#include "quant/tensor/visit_activation.h"

namespace quant {
namespace {

BinaryOp binary_op(OpKind op) {
  switch (op) {
    case OpKind::kSub:
      return BinaryOp::kSub;
    case OpKind::kMul:
      return BinaryOp::kMul;
    case OpKind::kDiv:
      return BinaryOp::kDiv;
    default:
      return BinaryOp::kAdd;
  }
}

// Steps along the output's axes, 0 where the operand is broadcast.
Result<std::vector<std::int64_t>> broadcast_strides(const Shape& operand, const MemoryOrder& order,
                                                    const Shape& out) {
  if (operand.size() > out.size())
    return fail(ErrorCode::kInvalidData, "an operand has more axes than the output");
  const auto own = strides_of(operand, order);
  std::vector<std::int64_t> strides(out.size(), 0);
  const std::size_t missing = out.size() - operand.size();
  for (std::size_t axis = 0; axis < operand.size(); ++axis) {
    if (operand[axis] == 1) continue;
    if (operand[axis] != out[axis + missing]) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("{} does not broadcast to {}", to_string(operand), to_string(out)));
    }
    strides[axis + missing] = own[axis];
  }
  return strides;
}

Status plan_binary(IntegerPlanBuilder& builder, const Node& node) {
  if (node.inputs.size() != 2 || node.inputs[1] == kNoValue)
    return fail(ErrorCode::kInvalidData, "has not two operands");
  const Shape& out = builder.shape(node.outputs[0]);
  if (out.size() > 8) return fail(ErrorCode::kUnsupported, "has more than 8 axes");
  // The output lies as the operand that has its shape.
  MemoryOrder order = row_major_order(out.size());
  for (std::size_t i = 2; i-- > 0;) {
    if (builder.shape(node.inputs[i]) == out && !builder.graph().value(node.inputs[i]).constant)
      order = builder.placement(node.inputs[i]).order;
  }
  integer::BinarySpec spec;
  spec.op = binary_op(node.op);
  std::vector<std::int64_t>* strides[] = {&spec.a_strides, &spec.b_strides};
  int from[] = {-1, -1};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& place = builder.placement(node.inputs[i]);
    from[i] = place.buffer;
    QUANT_TRY_ASSIGN(const auto by_axis,
                     broadcast_strides(builder.shape(node.inputs[i]), place.order, out));
    for (const int axis : order) strides[i]->push_back(by_axis[static_cast<std::size_t>(axis)]);
  }
  for (const int axis : order) spec.out_shape.push_back(out[static_cast<std::size_t>(axis)]);
  QUANT_TRY_ASSIGN(spec.a, builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(spec.b, builder.affine(node.inputs[1]));
  QUANT_TRY_ASSIGN(spec.output_scale, builder.scale(node.outputs[0]));
  QUANT_TRY_ASSIGN(spec.output, builder.output_range(node));
  spec.a_type = builder.type(node.inputs[0]);
  spec.b_type = builder.type(node.inputs[1]);
  spec.output_type = builder.type(node.outputs[0]);
  const int to = builder.produce(node.outputs[0], order);
  auto kernel = std::make_shared<integer::Binary>(spec, builder.isa());
  builder.add_step({node.name,
                    fmt::format("binary {}", to_string(kernel->isa())),
                    {from[0], from[1]},
                    {to},
                    {},
                    [kernel, a = from[0], b = from[1], to](const StepContext& context) {
                      kernel->run(context.buffers[a], context.buffers[b], context.buffers[to],
                                  context.pool);
                    }});
  return {};
}

// What runs where a table is a step of its own.
std::string lookup_kernel(const char* kind, const LookupTable& table, Isa isa) {
  if (is_known(table.rule)) return fmt::format("lines {}", to_string(isa));
  const bool bytes = table.input == DataType::kUint8 && table.output == DataType::kUint8;
  return fmt::format("{} {}", kind, to_string(bytes ? isa : Isa::kRef));
}

void defer_lookup(IntegerPlanBuilder& builder, const Node& node, const char* kind,
                  LookupTable table) {
  IntegerPlanBuilder::Reading source = builder.reading(node.inputs[0]);
  source.copy.table = source.copy.table ? composed(*source.copy.table, table) : std::move(table);
  std::string kernel = lookup_kernel(kind, *source.copy.table, builder.isa());
  builder.defer(node.outputs[0], node, std::move(kernel), std::move(source),
                builder.order(node.inputs[0]));
}

Status plan_lookup(IntegerPlanBuilder& builder, const Node& node) {
  if (node.inputs.size() != 2 || node.inputs[1] == kNoValue)
    return fail(ErrorCode::kInvalidData, "has no table");
  QUANT_TRY_ASSIGN(const AffineParams input, builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(const AffineParams output, builder.affine(node.outputs[0]));
  LookupTable table{builder.type(node.inputs[0]), builder.type(node.outputs[0]), {}};
  const std::int64_t levels = greatest_activation(table.input) + 1;
  const Value& constant = builder.graph().value(node.inputs[1]);
  if (!constant.constant || constant.type != table.output ||
      constant.constant->elements() != levels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("its table is no {} constant of {}", to_string(table.output), levels));
  }
  if (builder.shape(node.inputs[0]) != builder.shape(node.outputs[0]))
    return fail(ErrorCode::kInvalidData, "changes the shape");
  const auto copy = [&](auto entries) { table.entries.assign(entries.begin(), entries.end()); };
  if (table.output == DataType::kUint16) {
    copy(constant.constant->data<std::uint16_t>());
  } else {
    copy(constant.constant->data<std::uint8_t>());
  }
  table.rule = integer::find_lookup_rule(table, input, output, builder.isa());
  defer_lookup(builder, node, "lookup", std::move(table));
  return {};
}

Status plan_requantize(IntegerPlanBuilder& builder, const Node& node) {
  if (builder.shape(node.inputs[0]) != builder.shape(node.outputs[0]))
    return fail(ErrorCode::kInvalidData, "changes the shape");
  QUANT_TRY_ASSIGN(auto table, builder.requantize_table(node.inputs[0], node));
  if (table) {
    defer_lookup(builder, node, "requantize", std::move(*table));
  } else {
    const auto place = builder.placement(node.inputs[0]);
    builder.alias(node.outputs[0], place.buffer, place.order);
  }
  return {};
}

Status plan_prelu(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& shape = builder.shape(node.inputs[0]);
  if (shape.size() != 4 || builder.shape(node.outputs[0]) != shape || node.inputs.size() != 2) {
    return fail(ErrorCode::kUnsupported, "works on feature maps (N, C, H, W) only");
  }
  const Value& slope = builder.graph().value(node.inputs[1]);
  if (!slope.constant || slope.type != DataType::kFloat32 ||
      (slope.constant->elements() != 1 && slope.constant->elements() != shape[1])) {
    return fail(ErrorCode::kInvalidData, "its slopes are no constant, one or one per channel");
  }
  integer::PReluSpec spec;
  spec.pixels = shape[0] * shape[2] * shape[3];
  spec.channels = shape[1];
  spec.slopes.assign(slope.constant->data<float>().begin(), slope.constant->data<float>().end());
  QUANT_TRY_ASSIGN(spec.input, builder.affine(node.inputs[0]));
  QUANT_TRY_ASSIGN(spec.output_scale, builder.scale(node.outputs[0]));
  QUANT_TRY_ASSIGN(spec.output, builder.output_range(node));
  spec.input_type = builder.type(node.inputs[0]);
  spec.output_type = builder.type(node.outputs[0]);
  const int from = builder.buffer_in(node.inputs[0], channels_last_order(), node.name);
  const int to = builder.produce(node.outputs[0], channels_last_order());
  auto kernel = std::make_shared<integer::PRelu>(spec, builder.isa());
  builder.add_step({node.name,
                    fmt::format("prelu {}", to_string(kernel->isa())),
                    {from},
                    {to},
                    {},
                    [kernel, from, to](const StepContext& context) {
                      kernel->run(context.buffers[from], context.buffers[to], context.pool);
                    }});
  return {};
}

}  // namespace

Result<bool> plan_elementwise(IntegerPlanBuilder& builder, const Node& node) {
  switch (node.op) {
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul:
    case OpKind::kDiv:
      QUANT_TRY(plan_binary(builder, node));
      return true;
    case OpKind::kLookup:
      QUANT_TRY(plan_lookup(builder, node));
      return true;
    case OpKind::kRequantize:
      QUANT_TRY(plan_requantize(builder, node));
      return true;
    case OpKind::kPRelu:
      QUANT_TRY(plan_prelu(builder, node));
      return true;
    default:
      return false;  // another family's
  }
}

}  // namespace quant
