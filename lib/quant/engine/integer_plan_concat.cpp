// SPDX-License-Identifier: MIT
// Concatenations. A piece that nobody else reads is made in the output's own memory where its layer
// can write there; the others are copied.
#include <fmt/format.h>

#include <algorithm>

#include "quant/engine/integer_plan_builder.h"
#include "quant/engine/moved_params.h"

namespace quant {
namespace {

// Along which axis inputs are joined, and where each begins.
struct Joint {
  std::size_t axis = 0;
  std::vector<std::int64_t> starts;
};

Result<Joint> joint_of(const IntegerPlanBuilder& builder, const Node& node) {
  const Shape& out = builder.shape(node.outputs[0]);
  Joint joint;
  QUANT_TRY_ASSIGN(joint.axis, axis_of(node.attributes.integer("axis", 0), out.size()));
  std::int64_t total = 0;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue || builder.shape(id).size() != out.size())
      return fail(ErrorCode::kInvalidData, "its inputs have other ranks than its output");
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i != joint.axis && builder.shape(id)[i] != out[i])
        return fail(
            ErrorCode::kInvalidData,
            fmt::format("{} does not fit into {}", to_string(builder.shape(id)), to_string(out)));
    }
    joint.starts.push_back(total);
    total += builder.shape(id)[joint.axis];
  }
  if (total != out[joint.axis])
    return fail(ErrorCode::kInvalidData, "its inputs do not add up to its output");
  return joint;
}

// From an input's levels to the output's; nothing where they are one.
Result<std::optional<LookupTable>> table_between(const IntegerPlanBuilder& builder,
                                                 const Node& node, const Joint& joint,
                                                 std::size_t input) {
  const ValueId from = node.inputs[input];
  const ValueId to = node.outputs[0];
  if (!builder.per_channel(from) && !builder.per_channel(to))
    return builder.requantize_table(from, node);
  if (!same_params_joined(builder.graph().value(from), builder.graph().value(to), joint.axis,
                          joint.starts[input]))
    return fail_with_other_params();
  return std::optional<LookupTable>();
}

}  // namespace

bool IntegerPlanBuilder::make_in_place(ValueId id, const MemoryOrder& order, bool pixels_apart) {
  const std::vector<const Node*>& readers = readers_[static_cast<std::size_t>(id)];
  if (readers.size() != 1 || readers[0]->op != OpKind::kConcat) return false;
  const Node& concat = *readers[0];
  const auto joint = joint_of(*this, concat);
  if (!joint) return false;  // which plan_concat() will report
  const auto input =
      static_cast<std::size_t>(std::ranges::find(concat.inputs, id) - concat.inputs.begin());
  const auto table = table_between(*this, concat, *joint, input);
  if (!table || *table) return false;

  const ValueId out = concat.outputs[0];
  const Placement& whole = placements_[static_cast<std::size_t>(out)];
  if (whole.buffer >= 0 && !same_memory(shape(out), whole.order, order)) return false;
  const std::vector<std::int64_t> strides = strides_of(shape(out), order);
  const std::vector<std::int64_t> dense = strides_of(shape(id), order);
  for (std::size_t axis = 0; axis < dense.size(); ++axis) {
    const bool apart = shape(id)[axis] != 1 && strides[axis] != dense[axis];
    if (apart && !(pixels_apart && joint->axis == 1)) return false;
  }
  if (whole.buffer < 0) produce(out, order);
  const std::int64_t start = joint->starts[input] * strides[joint->axis];
  const int part = add_part(whole.buffer, static_cast<std::size_t>(start) * size_of(type(id)));
  placements_[static_cast<std::size_t>(id)] = {part, order, strides, true};
  return true;
}

Result<bool> plan_concat(IntegerPlanBuilder& builder, const Node& node) {
  if (node.op != OpKind::kConcat) return false;
  QUANT_TRY_ASSIGN(const Joint joint, joint_of(builder, node));
  const ValueId out = node.outputs[0];
  // A piece in place has put the output in its own order.
  if (!builder.is_placed(out)) builder.produce(out, builder.order(node.inputs[0]));
  const IntegerPlanBuilder::Placement whole = builder.placement(out);
  for (std::size_t input = 0; input < node.inputs.size(); ++input) {
    if (builder.is_in_place(node.inputs[input])) continue;
    IntegerPlanBuilder::Reading piece = builder.reading(node.inputs[input]);
    piece.copy.out_strides = whole.strides;
    piece.copy.out_offset = joint.starts[input] * whole.strides[joint.axis];
    QUANT_TRY_ASSIGN(const auto table, table_between(builder, node, joint, input));
    if (table) piece.copy.table = piece.copy.table ? composed(*piece.copy.table, *table) : *table;
    builder.add_copy(node.name, "copy", piece, whole.buffer);
  }
  return true;
}

}  // namespace quant
