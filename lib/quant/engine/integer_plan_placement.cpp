// SPDX-License-Identifier: MIT
// Where values lie, and which of them are copied only when a reader asks for them: slices, look-ups
// and the like, of which a concatenation takes what it wants in one go.
#include <utility>

#include "quant/engine/integer_plan_builder.h"
#include "quant/kernels/integer/lookup.h"

namespace quant {

using integer::StridedCopy;

LookupTable composed(const LookupTable& first, const LookupTable& second) {
  LookupTable result{first.input, second.output, first.entries};
  for (std::uint16_t& entry : result.entries) entry = second[entry];
  return result;
}

const IntegerPlanBuilder::Placement& IntegerPlanBuilder::placement(ValueId id) {
  if (const auto found = deferred_.find(id); found != deferred_.end()) {
    Deferred value = std::move(found->second);
    deferred_.erase(found);
    put_in_place(id, std::move(value));
  }
  Placement& place = placements_[static_cast<std::size_t>(id)];
  if (place.buffer < 0) {
    // Only constants are read without having been placed: the graph is verified.
    place.buffer =
        add_buffer(IntegerPlan::Buffer::Kind::kConstant, graph().value(id).constant->bytes(), id);
    place.order = row_major_order(shape(id).size());
    place.strides = strides_of(shape(id), place.order);
  }
  return place;
}

const MemoryOrder& IntegerPlanBuilder::order(ValueId id) {
  const auto found = deferred_.find(id);
  return found == deferred_.end() ? placement(id).order : found->second.order;
}

IntegerPlanBuilder::Reading IntegerPlanBuilder::reading(ValueId id) {
  if (const auto found = deferred_.find(id); found != deferred_.end()) return found->second.source;
  const Placement& place = placement(id);
  Reading source;
  source.buffer = place.buffer;
  source.copy.type = type(id);
  source.copy.shape = shape(id);
  source.copy.in_strides = place.strides;
  return source;
}

void IntegerPlanBuilder::defer(ValueId id, const Node& node, std::string kernel, Reading source,
                               MemoryOrder order) {
  deferred_[id] = {node.name, std::move(kernel), std::move(source), std::move(order)};
}

void IntegerPlanBuilder::put_in_place(ValueId id, Deferred value) {
  const int to = produce(id, value.order);
  integer::StridedCopySpec& copy = value.source.copy;
  copy.out_strides = strides_of(shape(id), value.order);
  if (!copy.table || copy.in_strides != copy.out_strides) {
    add_copy(std::move(value.layer), std::move(value.kernel), value.source, to);
    return;
  }
  // Both dense: threads share its elements, which may all lie in one row.
  const auto count = element_count(shape(id));
  add_step({std::move(value.layer),
            std::move(value.kernel),
            {value.source.buffer},
            {to},
            {},
            [table = std::make_shared<const LookupTable>(std::move(*copy.table)), count,
             from = value.source.buffer, at = copy.in_offset, to,
             isa = isa()](const StepContext& context) {
              const auto bytes = at * static_cast<std::int64_t>(size_of(table->input));
              integer::lookup(context.buffers[from] + bytes, context.buffers[to], count, *table,
                              isa, context.pool);
            }});
}

void IntegerPlanBuilder::add_copy(std::string layer, std::string kernel, const Reading& source,
                                  int to) {
  auto copy = std::make_shared<StridedCopy>(source.copy, isa());
  add_step({std::move(layer),
            std::move(kernel),
            {source.buffer},
            {to},
            {},
            [copy, from = source.buffer, to](const StepContext& context) {
              copy->run(context.buffers[from], context.buffers[to], context.pool);
            }});
}

int IntegerPlanBuilder::buffer_in(ValueId id, const MemoryOrder& wanted, const std::string& layer) {
  if (same_memory(shape(id), order(id), wanted)) return placement(id).buffer;
  const auto key = std::make_pair(id, wanted);
  if (const auto known = reordered_.find(key); known != reordered_.end()) return known->second;
  const int target = add_buffer(IntegerPlan::Buffer::Kind::kArena, bytes_of(id), kNoValue);
  Reading source = reading(id);
  source.copy.out_strides = strides_of(shape(id), wanted);
  add_copy(layer, "reorder", source, target);
  reordered_[key] = target;
  return target;
}

int IntegerPlanBuilder::produce(ValueId id, MemoryOrder order) {
  if (!make_in_place(id, order, false)) {
    alias(id, add_buffer(IntegerPlan::Buffer::Kind::kArena, bytes_of(id), kNoValue),
          std::move(order));
  }
  return placement(id).buffer;
}

IntegerPlanBuilder::Pixels IntegerPlanBuilder::produce_pixels(ValueId id) {
  if (!make_in_place(id, channels_last_order(), true)) produce(id, channels_last_order());
  const Placement& place = placement(id);
  return {place.buffer, place.in_place ? place.strides[3] : shape(id)[1]};
}

void IntegerPlanBuilder::alias(ValueId id, int buffer, MemoryOrder order) {
  std::vector<std::int64_t> strides = strides_of(shape(id), order);
  placements_[static_cast<std::size_t>(id)] = {buffer, std::move(order), std::move(strides)};
}

}  // namespace quant
