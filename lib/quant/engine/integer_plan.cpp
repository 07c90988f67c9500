// SPDX-License-Identifier: MIT
#include "quant/engine/integer_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/engine/arena.h"
#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/strided_copy.h"

namespace quant {

using integer::StridedCopy;
using integer::StridedCopySpec;

IntegerPlanBuilder::IntegerPlanBuilder(std::shared_ptr<const Graph> graph,
                                       const IntegerPlan::Options& options)
    : plan_(std::make_shared<IntegerPlan>()),
      keep_(options.keep),
      placements_(graph->values.size()) {
  plan_->graph_ = std::move(graph);
  plan_->isa_ = options.isa;
}

Result<AffineParams> IntegerPlanBuilder::affine(ValueId id) const {
  const Value& value = graph().value(id);
  if (value.type != DataType::kUint8 || !value.quant || !value.quant->is_plain()) {
    return fail(ErrorCode::kUnsupported,
                "is no uint8 tensor with one scale and an integer zero point", value.name);
  }
  return AffineParams{value.quant->scale[0], static_cast<std::int32_t>(value.quant->zero_point[0])};
}

Result<float> IntegerPlanBuilder::scale(ValueId id) const {
  QUANT_TRY_ASSIGN(const AffineParams params, affine(id));
  return params.scale;
}

Result<OutputRange> IntegerPlanBuilder::output_range(const Node& node) const {
  QUANT_TRY_ASSIGN(const AffineParams params, affine(node.outputs[0]));
  OutputRange range{params.zero_point, 0, 255};
  const auto level = [&](float real) {
    const double q = std::nearbyint(static_cast<double>(real) / params.scale) + params.zero_point;
    return static_cast<std::int32_t>(std::clamp(q, 0.0, 255.0));
  };
  if (node.attributes.has("activation_min"))
    range.qmin = level(node.attributes.number("activation_min", 0));
  if (node.attributes.has("activation_max"))
    range.qmax = level(node.attributes.number("activation_max", 0));
  if (range.qmin > range.qmax)
    return fail(ErrorCode::kInvalidData, "its activation range is empty", node.name);
  return range;
}

const IntegerPlanBuilder::Placement& IntegerPlanBuilder::placement(ValueId id) {
  Placement& place = placements_[static_cast<std::size_t>(id)];
  if (place.buffer < 0) {
    // Only constants are read without having been placed: the graph is verified.
    place.buffer =
        add_buffer(IntegerPlan::Buffer::Kind::kConstant, graph().value(id).constant->bytes(), id);
    place.order = row_major_order(shape(id).size());
  }
  return place;
}

int IntegerPlanBuilder::buffer_in(ValueId id, const MemoryOrder& order, const std::string& layer) {
  const Placement source = placement(id);
  if (same_memory(shape(id), source.order, order)) return source.buffer;
  const auto key = std::make_pair(id, order);
  if (const auto known = reordered_.find(key); known != reordered_.end()) return known->second;
  const int target = add_buffer(IntegerPlan::Buffer::Kind::kArena,
                                static_cast<std::size_t>(element_count(shape(id))), kNoValue);
  StridedCopySpec spec;
  spec.shape = shape(id);
  spec.in_strides = strides_of(shape(id), source.order);
  spec.out_strides = strides_of(shape(id), order);
  auto copy = std::make_shared<StridedCopy>(spec, isa());
  add_step({layer,
            "reorder",
            {source.buffer},
            {target},
            {},
            [copy, from = source.buffer, target](const StepContext& context) {
              copy->run(context.buffers[from], context.buffers[target], context.pool);
            }});
  reordered_[key] = target;
  return target;
}

int IntegerPlanBuilder::produce(ValueId id, MemoryOrder order) {
  const int buffer = add_buffer(IntegerPlan::Buffer::Kind::kArena,
                                static_cast<std::size_t>(element_count(shape(id))), kNoValue);
  placements_[static_cast<std::size_t>(id)] = {buffer, std::move(order)};
  return buffer;
}

void IntegerPlanBuilder::alias(ValueId id, int buffer, MemoryOrder order) {
  placements_[static_cast<std::size_t>(id)] = {buffer, std::move(order)};
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
  for (const auto& family : {plan_weighted, plan_elementwise, plan_spatial, plan_movement}) {
    QUANT_TRY_ASSIGN(const bool planned, family(*this, node));
    if (planned) return {};
  }
  return fail(ErrorCode::kUnsupported, fmt::format("{} has no integer kernel", to_string(node.op)));
}

void IntegerPlanBuilder::place_arena() {
  std::vector<BufferLifetime> lifetimes;
  std::vector<std::size_t> which;
  std::vector<std::size_t> lifetime_of(plan_->buffers_.size());
  for (std::size_t buffer = 0; buffer < plan_->buffers_.size(); ++buffer) {
    if (plan_->buffers_[buffer].kind != IntegerPlan::Buffer::Kind::kArena) continue;
    lifetime_of[buffer] = lifetimes.size();
    lifetimes.push_back({plan_->buffers_[buffer].bytes, plan_->steps_.size(), 0});
    which.push_back(buffer);
  }
  for (std::size_t step = 0; step < plan_->steps_.size(); ++step) {
    const auto touch = [&](const std::vector<int>& buffers) {
      for (const int buffer : buffers) {
        const auto index = static_cast<std::size_t>(buffer);
        if (plan_->buffers_[index].kind != IntegerPlan::Buffer::Kind::kArena) continue;
        BufferLifetime& lifetime = lifetimes[lifetime_of[index]];
        lifetime.first = std::min(lifetime.first, step);
        lifetime.last = std::max(lifetime.last, step);
      }
    };
    touch(plan_->steps_[step].reads);
    touch(plan_->steps_[step].writes);
  }
  const ArenaPlan arena = plan_arena(lifetimes);
  for (std::size_t i = 0; i < which.size(); ++i)
    plan_->buffers_[which[i]].offset = arena.offsets[i];
  plan_->arena_bytes_ = arena.bytes;
}

Result<std::shared_ptr<const IntegerPlan>> IntegerPlanBuilder::build() {
  QUANT_TRY(verify(graph()));
  if (graph().inputs.size() != 1 || shape(graph().inputs[0]).size() != 4 ||
      graph().value(graph().inputs[0]).type != DataType::kUint8) {
    return fail(ErrorCode::kUnsupported,
                "an integer graph has one input, a uint8 frame (1, C, H, W)", graph().name);
  }
  const ValueId frame = graph().inputs[0];
  QUANT_TRY(checked_element_count(shape(frame)));
  alias(frame,
        add_buffer(IntegerPlan::Buffer::Kind::kFrame,
                   static_cast<std::size_t>(element_count(shape(frame))), frame),
        channels_last_order());
  for (const Node& node : graph().nodes) {
    if (auto status = add_node(node); !status)
      return fail_with_context(std::move(status).error(), node.name);
  }
  plan_->outputs_ = graph().outputs;
  plan_->outputs_.insert(plan_->outputs_.end(), keep_.begin(), keep_.end());
  for (std::size_t index = 0; index < plan_->outputs_.size(); ++index) {
    const ValueId id = plan_->outputs_[index];
    const Placement source = placement(id);
    const int target =
        add_buffer(IntegerPlan::Buffer::Kind::kOutput,
                   static_cast<std::size_t>(element_count(shape(id))), static_cast<ValueId>(index));
    StridedCopySpec spec;
    spec.shape = shape(id);
    spec.in_strides = strides_of(shape(id), source.order);
    spec.out_strides = row_major_strides(shape(id));
    auto copy = std::make_shared<StridedCopy>(spec, isa());
    add_step({graph().value(id).name,
              "output",
              {source.buffer},
              {target},
              {},
              [copy, from = source.buffer, target](const StepContext& context) {
                copy->run(context.buffers[from], context.buffers[target], context.pool);
              }});
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
