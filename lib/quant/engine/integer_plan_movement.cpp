// SPDX-License-Identifier: MIT
// The same integers elsewhere: reshapes and transposes (mostly no work at all), slices, padding.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "quant/engine/integer_plan_builder.h"
#include "quant/engine/moved_params.h"
#include "quant/kernels/integer/indexed_copy.h"

namespace quant {

Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  if (axis < 0) axis += static_cast<std::int64_t>(rank);
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank))
    return fail(ErrorCode::kInvalidData, "its axis lies outside the tensor");
  return static_cast<std::size_t>(axis);
}

tl::unexpected<Error> fail_with_other_params() {
  return fail(ErrorCode::kInvalidData,
              "its output has another type or other quantization parameters than its input");
}

namespace {

using Reading = IntegerPlanBuilder::Reading;

Result<std::vector<std::int64_t>> int_constant(const IntegerPlanBuilder& builder, const Node& node,
                                               std::size_t input,
                                               std::vector<std::int64_t> fallback) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return fallback;
  const Value& value = builder.graph().value(node.inputs[input]);
  if (!value.constant || (value.type != DataType::kInt64 && value.type != DataType::kInt32)) {
    return fail(ErrorCode::kUnsupported, fmt::format("its input {} is no integer constant", input));
  }
  if (value.type == DataType::kInt32) {
    const auto data = value.constant->data<std::int32_t>();
    return std::vector<std::int64_t>(data.begin(), data.end());
  }
  const auto data = value.constant->data<std::int64_t>();
  return std::vector<std::int64_t>(data.begin(), data.end());
}

// Movement neither rounds nor rescales: the parameters on both sides are one.
Status check_same_params(const IntegerPlanBuilder& builder, const Node& node) {
  QUANT_TRY_ASSIGN(const AffineParams in, builder.affine(node.inputs[0]));
  for (const ValueId id : node.outputs) {
    QUANT_TRY_ASSIGN(const AffineParams out, builder.affine(id));
    if (!(in == out) || builder.type(id) != builder.type(node.inputs[0]))
      return fail_with_other_params();
  }
  return {};
}

// The same where either side has parameters by channel: `same(from, to)` says whether they fit.
template <typename Same>
Status check_moved_params(const IntegerPlanBuilder& builder, const Node& node, const Same& same) {
  if (!builder.per_channel(node.inputs[0]) && !builder.per_channel(node.outputs[0]))
    return check_same_params(builder, node);
  const Graph& graph = builder.graph();
  if (!same(graph.value(node.inputs[0]), graph.value(node.outputs[0])))
    return fail_with_other_params();
  return {};
}

// Where elements must move, the order that lets a feature map come out channels-last.
MemoryOrder order_before_reshape(const Shape& from, const Shape& to) {
  if (to.size() != 4) return row_major_order(from.size());
  // The axes of `from` that make up each axis of `to`.
  std::vector<std::vector<int>> parts(to.size());
  std::size_t next = 0;
  for (std::size_t axis = 0; axis < to.size(); ++axis) {
    std::int64_t product = 1;
    while (next < from.size() && (product < to[axis] || (from[next] == 1 && product == to[axis]))) {
      product *= from[next];
      parts[axis].push_back(static_cast<int>(next++));
    }
    if (product != to[axis]) return row_major_order(from.size());
  }
  if (next != from.size()) return row_major_order(from.size());
  MemoryOrder order;
  for (const int axis : channels_last_order()) {
    const auto& part = parts[static_cast<std::size_t>(axis)];
    order.insert(order.end(), part.begin(), part.end());
  }
  return order;
}

Status plan_reshape(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& from = builder.shape(node.inputs[0]);
  const Shape& to = builder.shape(node.outputs[0]);
  if (element_count(from) != element_count(to))
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} does not reshape to {}", to_string(from), to_string(to)));
  QUANT_TRY(check_moved_params(builder, node, same_params_reshaped));
  const auto place = builder.placement(node.inputs[0]);
  if (const auto order = reshaped_order(from, place.order, to)) {
    builder.alias(node.outputs[0], place.buffer, *order);
    return {};
  }
  const MemoryOrder before = order_before_reshape(from, to);
  const int moved = builder.buffer_in(node.inputs[0], before, node.name);
  const auto order = reshaped_order(from, before, to);
  if (!order) return fail(ErrorCode::kInternal, "no memory order suits this reshape");
  builder.alias(node.outputs[0], moved, *order);
  return {};
}

Status plan_transpose(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  std::vector<std::int64_t> reversed(in.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto perm = node.attributes.integers("perm", reversed);
  std::vector<bool> seen(in.size(), false);
  bool valid = perm.size() == in.size() && out.size() == in.size();
  for (std::size_t j = 0; valid && j < perm.size(); ++j) {
    valid = perm[j] >= 0 && perm[j] < static_cast<std::int64_t>(in.size()) &&
            !seen[static_cast<std::size_t>(perm[j])] &&
            out[j] == in[static_cast<std::size_t>(perm[j])];
    if (valid) seen[static_cast<std::size_t>(perm[j])] = true;
  }
  if (!valid)
    return fail(ErrorCode::kInvalidData, "attribute 'perm' is no permutation of its axes");
  QUANT_TRY(check_moved_params(builder, node, [&](const Value& from, const Value& to) {
    return same_params_transposed(from, to, perm);
  }));
  const auto place = builder.placement(node.inputs[0]);
  builder.alias(node.outputs[0], place.buffer, transposed_order(place.order, perm));
  return {};
}

// A box of the input, in the input's own order.
void defer_box(IntegerPlanBuilder& builder, const Node& node, ValueId output,
               const std::vector<std::int64_t>& starts, const std::vector<std::int64_t>& steps) {
  Reading box = builder.reading(node.inputs[0]);
  box.copy.shape = builder.shape(output);
  for (std::size_t axis = 0; axis < starts.size(); ++axis) {
    box.copy.in_offset += starts[axis] * box.copy.in_strides[axis];
    box.copy.in_strides[axis] *= steps[axis];
  }
  builder.defer(output, node, "copy", std::move(box), builder.order(node.inputs[0]));
}

Status plan_slice(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  QUANT_TRY(check_same_params(builder, node));
  QUANT_TRY_ASSIGN(const auto starts, int_constant(builder, node, 1, {}));
  std::vector<std::int64_t> all(starts.size());
  std::iota(all.begin(), all.end(), 0);
  QUANT_TRY_ASSIGN(const auto axes, int_constant(builder, node, 3, all));
  QUANT_TRY_ASSIGN(const auto steps,
                   int_constant(builder, node, 4, std::vector<std::int64_t>(starts.size(), 1)));
  if (out.size() != in.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return fail(ErrorCode::kInvalidData, "its starts, axes and steps do not fit");
  std::vector<std::int64_t> first(in.size(), 0);
  std::vector<std::int64_t> step(in.size(), 1);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(axes[i], in.size()));
    const std::int64_t size = in[axis];
    if (steps[i] == 0 || steps[i] > size + 1 || steps[i] < -size - 1) {
      // A step beyond the tensor leaves one element; any step will do.
      step[axis] = steps[i] > 0 ? 1 : -1;
    } else {
      step[axis] = steps[i];
    }
    const std::int64_t start = starts[i] < 0 ? std::max(starts[i], -size - 1) + size : starts[i];
    first[axis] = steps[i] > 0 ? std::clamp<std::int64_t>(start, 0, size)
                               : std::clamp<std::int64_t>(start, 0, size - 1);
  }
  for (std::size_t axis = 0; axis < in.size(); ++axis) {
    const std::int64_t last = first[axis] + (out[axis] - 1) * step[axis];
    if (first[axis] < 0 || first[axis] >= in[axis] || last < 0 || last >= in[axis])
      return fail(ErrorCode::kInvalidData, "reaches outside its input");
  }
  defer_box(builder, node, node.outputs[0], first, step);
  return {};
}

Status plan_split(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(node.attributes.integer("axis", 0), in.size()));
  QUANT_TRY(check_same_params(builder, node));
  std::vector<std::int64_t> start(in.size(), 0);
  for (const ValueId output : node.outputs) {
    const Shape& out = builder.shape(output);
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (out.size() != in.size() || (i != axis && out[i] != in[i]) ||
          start[axis] + out[axis] > in[axis])
        return fail(ErrorCode::kInvalidData, "its pieces do not fit its input");
    }
    defer_box(builder, node, output, start, std::vector<std::int64_t>(in.size(), 1));
    start[axis] += out[axis];
  }
  return {};
}

// Tables that leave every axis as it is, in memory order.
integer::IndexedCopySpec identity_tables(const Shape& shape, const MemoryOrder& order,
                                         DataType type) {
  integer::IndexedCopySpec spec;
  spec.type = type;
  for (const int axis : order) {
    const std::int64_t size = shape[static_cast<std::size_t>(axis)];
    spec.in_shape.push_back(size);
    spec.indices.emplace_back(static_cast<std::size_t>(size));
    std::iota(spec.indices.back().begin(), spec.indices.back().end(), 0);
  }
  return spec;
}

void add_indexed_copy(IntegerPlanBuilder& builder, const Node& node,
                      const integer::IndexedCopySpec& spec, int from, int to) {
  auto copy = std::make_shared<integer::IndexedCopy>(spec);
  builder.add_step(
      {node.name, "indexed copy", {from}, {to}, {}, [copy, from, to](const StepContext& context) {
         copy->run(context.buffers[from], context.buffers[to], context.pool);
       }});
}

// From one index to the next, where it is the same everywhere: a box, which copies faster.
std::optional<std::int64_t> even_step(const std::vector<std::int64_t>& indices) {
  if (indices.size() == 1) return 0;
  const std::int64_t step = indices[1] - indices[0];
  for (std::size_t i = 2; i < indices.size(); ++i) {
    if (indices[i] - indices[i - 1] != step) return std::nullopt;
  }
  return step;
}

Status plan_gather(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(node.attributes.integer("axis", 0), in.size()));
  QUANT_TRY(check_same_params(builder, node));
  QUANT_TRY_ASSIGN(auto indices, int_constant(builder, node, 1, {}));
  const bool scalar = node.inputs.size() > 1 && builder.shape(node.inputs[1]).empty();
  for (std::int64_t& index : indices) {
    if (index < 0) index += in[axis];
    if (index < 0 || index >= in[axis])
      return fail(ErrorCode::kInvalidData, "an index lies outside its input");
  }
  if (indices.empty() || element_count(out) * in[axis] !=
                             element_count(in) * static_cast<std::int64_t>(indices.size())) {
    return fail(ErrorCode::kInvalidData, "its output shape does not fit its indices");
  }
  const MemoryOrder in_order = builder.order(node.inputs[0]);
  MemoryOrder order = in_order;
  const auto at = std::find(order.begin(), order.end(), static_cast<int>(axis)) - order.begin();
  if (scalar) {
    order.erase(order.begin() + at);
    for (int& other : order) other -= other > static_cast<int>(axis) ? 1 : 0;
  }
  if (order.size() != out.size())
    return fail(ErrorCode::kInvalidData, "its output has a wrong rank");
  if (const auto step = even_step(indices)) {
    Reading box = builder.reading(node.inputs[0]);
    std::vector<std::int64_t>& strides = box.copy.in_strides;
    box.copy.in_offset += indices[0] * strides[axis];
    strides[axis] *= *step;
    if (scalar) strides.erase(strides.begin() + static_cast<std::ptrdiff_t>(axis));
    box.copy.shape = out;
    builder.defer(node.outputs[0], node, "copy", std::move(box), std::move(order));
    return {};
  }
  const int from = builder.placement(node.inputs[0]).buffer;
  const int to = builder.produce(node.outputs[0], order);
  integer::IndexedCopySpec spec = identity_tables(in, in_order, builder.type(node.inputs[0]));
  spec.indices[static_cast<std::size_t>(at)] = indices;
  add_indexed_copy(builder, node, spec, from, to);
  return {};
}

Status plan_pad(IntegerPlanBuilder& builder, const Node& node) {
  const Shape& in = builder.shape(node.inputs[0]);
  const Shape& out = builder.shape(node.outputs[0]);
  QUANT_TRY(check_same_params(builder, node));
  QUANT_TRY_ASSIGN(const auto pads, int_constant(builder, node, 1, {}));
  std::vector<std::int64_t> all(in.size());
  std::iota(all.begin(), all.end(), 0);
  QUANT_TRY_ASSIGN(const auto axes, int_constant(builder, node, 3, all));
  if (pads.size() != 2 * axes.size() || out.size() != in.size())
    return fail(ErrorCode::kInvalidData, "its pads do not fit its axes");
  const std::string mode = node.attributes.text("mode", "constant");
  integer::PadMode pad_mode = integer::PadMode::kConstant;
  if (mode == "edge")
    pad_mode = integer::PadMode::kEdge;
  else if (mode == "reflect")
    pad_mode = integer::PadMode::kReflect;
  else if (mode == "wrap")
    pad_mode = integer::PadMode::kWrap;
  else if (mode != "constant")
    return fail(ErrorCode::kUnsupported, "pad mode '" + mode + "' has no integer kernel");
  const auto place = builder.placement(node.inputs[0]);
  integer::IndexedCopySpec spec = identity_tables(in, place.order, builder.type(node.inputs[0]));
  QUANT_TRY_ASSIGN(const AffineParams params, builder.affine(node.inputs[0]));
  spec.constant = static_cast<std::uint16_t>(params.zero_point);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    QUANT_TRY_ASSIGN(const std::size_t axis, axis_of(axes[i], in.size()));
    const std::int64_t before = pads[i];
    const std::int64_t after = pads[i + axes.size()];
    if (std::abs(before) > (1 << 20) || std::abs(after) > (1 << 20) ||
        in[axis] + before + after != out[axis])
      return fail(ErrorCode::kInvalidData, "its pads do not fit its output");
    const auto at = std::find(place.order.begin(), place.order.end(), static_cast<int>(axis)) -
                    place.order.begin();
    spec.indices[static_cast<std::size_t>(at)] =
        integer::pad_axis(in[axis], before, after, pad_mode);
  }
  const int to = builder.produce(node.outputs[0], place.order);
  for (std::size_t place_index = 0; place_index < place.order.size(); ++place_index) {
    if (static_cast<std::int64_t>(spec.indices[place_index].size()) !=
        out[static_cast<std::size_t>(place.order[place_index])])
      return fail(ErrorCode::kInvalidData, "its pads do not fit its output");
  }
  add_indexed_copy(builder, node, spec, place.buffer, to);
  return {};
}

// Blocks of b×b pixels against b·b times the channels, both ways, as one strided copy over (N, C,
// H, b, W, b).
Status plan_depth_and_space(IntegerPlanBuilder& builder, const Node& node) {
  const bool to_space = node.op == OpKind::kDepthToSpace;
  const ValueId deep = to_space ? node.inputs[0] : node.outputs[0];
  const ValueId wide = to_space ? node.outputs[0] : node.inputs[0];
  const Shape& deep_shape = builder.shape(deep);
  const Shape& wide_shape = builder.shape(wide);
  const std::int64_t block = node.attributes.integer("blocksize", 0);
  if (deep_shape.size() != 4 || wide_shape.size() != 4 || block < 1 || block > (1 << 12) ||
      deep_shape[0] != wide_shape[0] || deep_shape[1] != wide_shape[1] * block * block ||
      deep_shape[2] * block != wide_shape[2] || deep_shape[3] * block != wide_shape[3]) {
    return fail(ErrorCode::kInvalidData, "its block size does not fit its shapes");
  }
  QUANT_TRY(check_same_params(builder, node));
  const bool block_outermost = !to_space || node.attributes.text("mode", "DCR") == "DCR";
  const int from = builder.buffer_in(node.inputs[0], channels_last_order(), node.name);
  const int to = builder.produce(node.outputs[0], channels_last_order());
  const auto d = strides_of(deep_shape, channels_last_order());
  const auto w = strides_of(wide_shape, channels_last_order());
  const std::int64_t channels = wide_shape[1];
  const std::int64_t channel_step = block_outermost ? d[1] : d[1] * block * block;
  const std::int64_t block_step = block_outermost ? d[1] * channels : d[1];
  const std::vector<std::int64_t> deep_strides = {d[0], channel_step, d[2], block_step * block,
                                                  d[3], block_step};
  const std::vector<std::int64_t> wide_strides = {w[0], w[1],         w[2] * block,
                                                  w[2], w[3] * block, w[3]};
  Reading source;
  source.buffer = from;
  source.copy.type = builder.type(deep);
  source.copy.shape = {deep_shape[0], channels, deep_shape[2], block, deep_shape[3], block};
  source.copy.in_strides = to_space ? deep_strides : wide_strides;
  source.copy.out_strides = to_space ? wide_strides : deep_strides;
  builder.add_copy(node.name, "copy", source, to);
  return {};
}

}  // namespace

Result<bool> plan_movement(IntegerPlanBuilder& builder, const Node& node) {
  switch (node.op) {
    case OpKind::kIdentity:
    case OpKind::kReshape:
    case OpKind::kFlatten:
    case OpKind::kSqueeze:
    case OpKind::kUnsqueeze:
      QUANT_TRY(plan_reshape(builder, node));
      return true;
    case OpKind::kTranspose:
      QUANT_TRY(plan_transpose(builder, node));
      return true;
    case OpKind::kSlice:
      QUANT_TRY(plan_slice(builder, node));
      return true;
    case OpKind::kSplit:
      QUANT_TRY(plan_split(builder, node));
      return true;
    case OpKind::kGather:
      QUANT_TRY(plan_gather(builder, node));
      return true;
    case OpKind::kPad:
      QUANT_TRY(plan_pad(builder, node));
      return true;
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToDepth:
      QUANT_TRY(plan_depth_and_space(builder, node));
      return true;
    default:
      return false;  // another family's
  }
}

}  // namespace quant
