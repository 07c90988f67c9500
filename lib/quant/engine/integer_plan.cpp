// SPDX-License-Identifier: MIT
#include "quant/engine/integer_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/engine/arena.h"
#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/find_lookup_rule.h"
#include "quant/tensor/visit_activation.h"

namespace quant {

namespace {

bool is_level(float zero_point, DataType type) {
  return zero_point >= 0 && zero_point <= static_cast<float>(greatest_activation(type)) &&
         zero_point == std::nearbyint(zero_point);
}

}  // namespace

IntegerPlanBuilder::IntegerPlanBuilder(std::shared_ptr<const Graph> graph,
                                       const IntegerPlan::Options& options)
    : plan_(std::make_shared<IntegerPlan>()),
      keep_(options.keep),
      readers_(graph->values.size()),
      placements_(graph->values.size()) {
  plan_->graph_ = std::move(graph);
  plan_->isa_ = options.isa;
}

Result<AffineParams> IntegerPlanBuilder::affine(ValueId id) const {
  const Value& value = graph().value(id);
  const bool activation = value.type == DataType::kUint8 || value.type == DataType::kUint16;
  if (!activation || !value.quant || value.quant->type != value.type || !value.quant->is_plain()) {
    return fail(ErrorCode::kUnsupported,
                "is no uint8 or uint16 tensor with one scale and an integer zero point",
                value.name);
  }
  const float zero_point = value.quant->zero_point[0];
  if (!is_level(zero_point, value.type)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("zero point {} lies outside {}", zero_point, to_string(value.type)),
                value.name);
  }
  return AffineParams{value.quant->scale[0], static_cast<std::int32_t>(zero_point)};
}

Result<float> IntegerPlanBuilder::scale(ValueId id) const {
  QUANT_TRY_ASSIGN(const AffineParams params, affine(id));
  return params.scale;
}

OutputRange IntegerPlanBuilder::range_of(const Node& node, float scale, float zero_point) const {
  const std::int32_t highest = greatest_activation(type(node.outputs[0]));
  OutputRange range{static_cast<std::int32_t>(zero_point), 0, highest};
  const auto level = [&](float real) {
    const double q = std::nearbyint(static_cast<double>(real) / scale) + range.zero_point;
    return static_cast<std::int32_t>(std::clamp(q, 0.0, static_cast<double>(highest)));
  };
  if (node.attributes.has("activation_min"))
    range.qmin = level(node.attributes.number("activation_min", 0));
  if (node.attributes.has("activation_max"))
    range.qmax = level(node.attributes.number("activation_max", 0));
  return range;
}

Result<OutputRange> IntegerPlanBuilder::output_range(const Node& node) const {
  QUANT_TRY_ASSIGN(const AffineParams params, affine(node.outputs[0]));
  const OutputRange range = range_of(node, params.scale, static_cast<float>(params.zero_point));
  if (range.qmin > range.qmax)
    return fail(ErrorCode::kInvalidData, "its activation range is empty", node.name);
  return range;
}

Result<IntegerPlanBuilder::OutputParams> IntegerPlanBuilder::output_params(const Node& node,
                                                                           std::size_t axis) const {
  const ValueId id = node.outputs[0];
  const Value& value = graph().value(id);
  if (!value.quant || !value.quant->per_channel()) {
    QUANT_TRY_ASSIGN(const OutputRange range, output_range(node));
    return OutputParams{{value.quant->scale[0]}, {range}};
  }
  const bool activation = value.type == DataType::kUint8 || value.type == DataType::kUint16;
  if (!activation || value.quant->type != value.type) {
    return fail(ErrorCode::kUnsupported, "is no uint8 or uint16 tensor", value.name);
  }
  const auto channels = static_cast<std::size_t>(value.shape[axis]);
  if (value.quant->axis != static_cast<int>(axis) || value.quant->scale.size() != channels ||
      value.quant->zero_point.size() != channels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("has not {} scales and zero points along axis {}", channels, axis),
                value.name);
  }
  OutputParams params;
  params.scales = value.quant->scale;
  for (std::size_t c = 0; c < channels; ++c) {
    const float zero_point = value.quant->zero_point[c];
    if (!is_level(zero_point, value.type)) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("zero point {} is no integer of {}", zero_point, to_string(value.type)),
          value.name);
    }
    params.ranges.push_back(range_of(node, params.scales[c], zero_point));
    if (params.ranges.back().qmin > params.ranges.back().qmax)
      return fail(ErrorCode::kInvalidData, "its activation range is empty", node.name);
  }
  return params;
}

Result<std::optional<LookupTable>> IntegerPlanBuilder::requantize_table(ValueId from,
                                                                        const Node& node) const {
  const ValueId to = node.outputs[0];
  QUANT_TRY_ASSIGN(const AffineParams input, affine(from));
  QUANT_TRY_ASSIGN(const AffineParams output, affine(to));
  QUANT_TRY_ASSIGN(const OutputRange range, output_range(node));
  const bool whole = range.qmin == 0 && range.qmax == greatest_activation(type(to));
  if (type(from) == type(to) && input == output && whole) return std::optional<LookupTable>();
  LookupTable table = make_requantize_table(input, output.scale, range, type(from), type(to));
  table.rule = integer::find_lookup_rule(table, input, output, isa());
  return std::optional(std::move(table));
}

std::size_t IntegerPlanBuilder::bytes_of(ValueId id) const {
  return static_cast<std::size_t>(element_count(shape(id))) * size_of(type(id));
}

void IntegerPlanBuilder::add_step(IntegerStep step) { plan_->steps_.push_back(std::move(step)); }

int IntegerPlanBuilder::add_buffer(IntegerPlan::Buffer::Kind kind, std::size_t bytes,
                                   ValueId value) {
  plan_->buffers_.push_back({kind, bytes, 0, value});
  return static_cast<int>(plan_->buffers_.size() - 1);
}

Status IntegerPlanBuilder::add_node(const Node& node) {
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) return fail(ErrorCode::kUnsupported, "leaves an output out");
    if (!is_static(shape(id)) || element_count(shape(id)) == 0) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("makes a tensor of shape {}", to_string(shape(id))));
    }
  }
  if (node.outputs.empty() || node.inputs.empty() || node.inputs[0] == kNoValue) {
    return fail(ErrorCode::kInvalidData, "has no input or no output");
  }
  for (const auto& family :
       {plan_weighted, plan_elementwise, plan_spatial, plan_movement, plan_concat}) {
    QUANT_TRY_ASSIGN(const bool planned, family(*this, node));
    if (planned) return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{} has no integer kernel", to_string(node.op)));
}

int IntegerPlanBuilder::add_part(int buffer, std::size_t offset) {
  const int part = add_buffer(IntegerPlan::Buffer::Kind::kArena, 0, kNoValue);
  const auto outer = parts_.find(buffer);
  parts_[part] = outer == parts_.end() ? Part{buffer, offset}
                                       : Part{outer->second.whole, outer->second.offset + offset};
  return part;
}

int IntegerPlanBuilder::whole_of(int buffer) const {
  const auto part = parts_.find(buffer);
  return part == parts_.end() ? buffer : part->second.whole;
}

void IntegerPlanBuilder::place_arena() {
  std::vector<BufferLifetime> lifetimes;
  std::vector<std::size_t> which;
  std::vector<std::size_t> lifetime_of(plan_->buffers_.size());
  for (std::size_t buffer = 0; buffer < plan_->buffers_.size(); ++buffer) {
    if (plan_->buffers_[buffer].kind != IntegerPlan::Buffer::Kind::kArena ||
        parts_.contains(static_cast<int>(buffer)))
      continue;
    lifetime_of[buffer] = lifetimes.size();
    lifetimes.push_back({plan_->buffers_[buffer].bytes, plan_->steps_.size(), 0});
    which.push_back(buffer);
  }
  for (std::size_t step = 0; step < plan_->steps_.size(); ++step) {
    const auto touch = [&](const std::vector<int>& buffers) {
      for (const int buffer : buffers) {
        const auto index = static_cast<std::size_t>(whole_of(buffer));
        if (plan_->buffers_[index].kind != IntegerPlan::Buffer::Kind::kArena) continue;
        BufferLifetime& lifetime = lifetimes[lifetime_of[index]];
        lifetime.first = std::min(lifetime.first, step);
        lifetime.last = std::max(lifetime.last, step);
      }
    };
    touch(plan_->steps_[step].reads);
    touch(plan_->steps_[step].writes);
  }
  for (const BufferLifetime& lifetime : lifetimes) {
    for (std::size_t step = lifetime.first; step <= lifetime.last; ++step)
      plan_->steps_[step].live_bytes += lifetime.bytes;
  }
  const ArenaPlan arena = plan_arena(lifetimes);
  for (std::size_t i = 0; i < which.size(); ++i)
    plan_->buffers_[which[i]].offset = arena.offsets[i];
  for (const auto& [buffer, part] : parts_) {
    plan_->buffers_[static_cast<std::size_t>(buffer)].offset =
        plan_->buffers_[static_cast<std::size_t>(part.whole)].offset + part.offset;
  }
  plan_->arena_bytes_ = arena.bytes;
}

Status IntegerPlanBuilder::add_input(ValueId id, ValueId index) {
  const Value& value = graph().value(id);
  if (value.type != DataType::kUint8 && value.type != DataType::kUint16)
    return fail(ErrorCode::kUnsupported, "an input of an integer graph is uint8 or uint16",
                value.name);
  QUANT_TRY(checked_element_count(value.shape));
  alias(id, add_buffer(IntegerPlan::Buffer::Kind::kInput, bytes_of(id), index),
        input_order(value.shape.size()));
  return {};
}

Result<std::shared_ptr<const IntegerPlan>> IntegerPlanBuilder::build() {
  QUANT_TRY(verify(graph()));
  for (const Node& node : graph().nodes) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) readers_[static_cast<std::size_t>(id)].push_back(&node);
    }
  }
  if (graph().inputs.empty())
    return fail(ErrorCode::kUnsupported, "an integer graph without an input", graph().name);
  for (std::size_t index = 0; index < graph().inputs.size(); ++index)
    QUANT_TRY(add_input(graph().inputs[index], static_cast<ValueId>(index)));
  for (const Node& node : graph().nodes) {
    if (auto status = add_node(node); !status)
      return fail_with_context(std::move(status).error(), node.name);
  }
  plan_->outputs_ = graph().outputs;
  plan_->outputs_.insert(plan_->outputs_.end(), keep_.begin(), keep_.end());
  for (std::size_t index = 0; index < plan_->outputs_.size(); ++index) {
    const ValueId id = plan_->outputs_[index];
    const int target =
        add_buffer(IntegerPlan::Buffer::Kind::kOutput, bytes_of(id), static_cast<ValueId>(index));
    Reading source = reading(id);
    source.copy.out_strides = row_major_strides(shape(id));
    add_copy(graph().value(id).name, "output", source, target);
  }
  place_arena();
  return std::shared_ptr<const IntegerPlan>(std::move(plan_));
}

Result<std::shared_ptr<const IntegerPlan>> IntegerPlan::create(std::shared_ptr<const Graph> graph,
                                                               const Options& options) {
  return IntegerPlanBuilder(std::move(graph), options).build();
}

std::size_t IntegerPlan::scratch_bytes(int threads) const {
  std::size_t most = 0;
  for (const IntegerStep& step : steps_) {
    if (step.scratch_bytes) most = std::max(most, step.scratch_bytes(threads));
  }
  return most;
}

}  // namespace quant
