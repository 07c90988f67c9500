// SPDX-License-Identifier: MIT
#include "quant/engine/float_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <unordered_set>

#include "quant/base/buffer_cache.h"
#include "quant/engine/float_plan.h"
#include "quant/graph/operators/onednn.h"

namespace quant {
namespace {

Status check_inputs(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs.size()) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} inputs were given, the model has {}", inputs.size(), graph.inputs.size()),
        graph.name);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    const Shape& given = inputs[i].shape();
    const bool fits = inputs[i].type() == value.type &&
                      std::equal(given.begin(), given.end(), value.shape.begin(), value.shape.end(),
                                 [](std::int64_t size, std::int64_t wanted) {
                                   return size == wanted || wanted < 0;
                                 });
    if (fits) continue;
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("the input is {} {}, the model wants {} {}", to_string(inputs[i].type()),
                    to_string(given), to_string(value.type), to_string(value.shape)),
        value.name);
  }
  return {};
}

}  // namespace

struct FloatExecutor::State {
  std::shared_ptr<const Graph> graph;
  int threads = 1;
  std::unordered_set<const std::byte*> constants;
  std::shared_ptr<BufferCache> memory = BufferCache::create();
  std::unique_ptr<FloatPlan> plan;
  std::vector<ValueId> taps;
  std::unique_ptr<FloatPlan> tap_plan;  // for `taps`

  Status execute(FloatPlan& chosen, std::span<const Tensor> inputs,
                 std::vector<Tensor>& results) const {
    QUANT_TRY(check_inputs(*graph, inputs));
    const onednn::ThreadScope thread_scope(threads);
    const BufferCache::Scope memory_scope(*memory);
    const Status status = chosen.run(inputs, results);
    memory->trim();
    QUANT_TRY(status);
    // Operators that only rename or reshape hand their input's elements on.
    std::unordered_set<const std::byte*> taken;
    for (const Tensor& input : inputs) taken.insert(input.raw());
    for (Tensor& result : results) {
      const std::byte* const elements = std::as_const(result).raw();
      if (constants.contains(elements) || !taken.insert(elements).second) result = result.clone();
    }
    return {};
  }
};

FloatExecutor::FloatExecutor(std::unique_ptr<State> state) : state_(std::move(state)) {}
FloatExecutor::FloatExecutor(FloatExecutor&&) noexcept = default;
FloatExecutor& FloatExecutor::operator=(FloatExecutor&&) noexcept = default;
FloatExecutor::~FloatExecutor() = default;

Result<FloatExecutor> FloatExecutor::create(std::shared_ptr<const Graph> graph, int threads) {
  if (threads < 1)
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} threads were asked for", threads));
  QUANT_TRY(verify(*graph));
  auto state = std::make_unique<State>();
  state->graph = std::move(graph);
  state->threads = threads;
  for (const Value& value : state->graph->values) {
    if (value.constant) state->constants.insert(value.constant->raw());
  }
  const onednn::ThreadScope scope(threads);
  QUANT_TRY_ASSIGN(state->plan, FloatPlan::create(*state->graph, state->graph->outputs));
  return FloatExecutor(std::move(state));
}

Status FloatExecutor::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  return state_->execute(*state_->plan, inputs, outputs);
}

Status FloatExecutor::run_with_taps(std::span<const Tensor> inputs, std::span<const ValueId> taps,
                                    std::vector<Tensor>& tapped) {
  State& state = *state_;
  if (state.tap_plan == nullptr || !std::ranges::equal(state.taps, taps)) {
    state.tap_plan.reset();
    for (const ValueId id : taps) {
      if (id < 0 || static_cast<std::size_t>(id) >= state.graph->values.size()) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("there is no tensor number {}", id),
                    state.graph->name);
      }
    }
    const onednn::ThreadScope scope(state.threads);
    QUANT_TRY_ASSIGN(state.tap_plan, FloatPlan::create(*state.graph, {taps.begin(), taps.end()}));
    state.taps.assign(taps.begin(), taps.end());
  }
  return state.execute(*state.tap_plan, inputs, tapped);
}

const Graph& FloatExecutor::graph() const { return *state_->graph; }

}  // namespace quant
