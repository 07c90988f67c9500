// SPDX-License-Identifier: MIT
#include "quant/engine/integer_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "quant/engine/memory_order.h"

namespace quant {

using Kind = IntegerPlan::Buffer::Kind;

IntegerExecutor::IntegerExecutor(std::shared_ptr<const IntegerPlan> plan, int threads)
    : plan_(std::move(plan)),
      pool_(threads),
      arena_(plan_->arena_bytes()),
      scratch_(plan_->scratch_bytes(pool_.threads())),
      buffers_(plan_->buffers().size(), nullptr) {
  for (const ValueId id : plan_->graph().inputs)
    input_shapes_.push_back(input_shape_in_memory(plan_->graph().value(id).shape));
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const IntegerPlan::Buffer& buffer = plan_->buffers()[i];
    if (buffer.kind == Kind::kArena) {
      buffers_[i] = reinterpret_cast<std::uint8_t*>(arena_.data()) + buffer.offset;
    } else if (buffer.kind == Kind::kConstant) {
      // Steps only read constants.
      const Tensor& constant = *plan_->graph().value(buffer.value).constant;
      buffers_[i] =
          const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(constant.raw()));
    }
  }
}

std::vector<Tensor> IntegerExecutor::make_outputs() const {
  std::vector<Tensor> outputs;
  for (const ValueId id : plan_->outputs()) {
    const Value& value = plan_->graph().value(id);
    outputs.emplace_back(value.type, value.shape);
  }
  return outputs;
}

Status IntegerExecutor::check(std::span<const Tensor> inputs) const {
  const Graph& graph = plan_->graph();
  if (inputs.size() != input_shapes_.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} inputs were given, the model takes {}", inputs.size(),
                            input_shapes_.size()),
                graph.name);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    const Shape& expected = input_shapes_[i];
    const Shape& given = inputs[i].shape();
    const bool without_batch =
        expected.size() == 4 && expected[0] == 1 &&
        std::equal(given.begin(), given.end(), expected.begin() + 1, expected.end());
    if (inputs[i].type() != value.type || (given != expected && !without_batch)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} {} was given, the model takes {} {}", to_string(inputs[i].type()),
                              to_string(given), to_string(value.type), to_string(expected)),
                  value.name);
    }
  }
  return {};
}

// Checks the inputs, and points the steps at inputs and outputs.
Status IntegerExecutor::bind(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  QUANT_TRY(check(inputs));
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const IntegerPlan::Buffer& buffer = plan_->buffers()[i];
    const auto index = static_cast<std::size_t>(buffer.value);
    if (buffer.kind == Kind::kInput) {
      // Steps only read inputs.
      buffers_[i] =
          const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(inputs[index].raw()));
    } else if (buffer.kind == Kind::kOutput) {
      buffers_[i] = reinterpret_cast<std::uint8_t*>(outputs[index].raw());
    }
  }
  return {};
}

Status IntegerExecutor::run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
  QUANT_TRY(bind(inputs, outputs));
  const StepContext context{buffers_.data(), scratch_.data(), pool_};
  pool_.run_together([&] {
    for (const IntegerStep& step : plan_->steps()) step.run(context);
  });
  return {};
}

Status IntegerExecutor::run_timed(std::span<const Tensor> inputs, std::vector<Tensor>& outputs,
                                  std::span<double> step_us) {
  QUANT_TRY(bind(inputs, outputs));
  const StepContext context{buffers_.data(), scratch_.data(), pool_};
  auto before = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < step_us.size(); ++i) {
    plan_->steps()[i].run(context);
    const auto now = std::chrono::steady_clock::now();
    step_us[i] = std::chrono::duration<double, std::micro>(now - before).count();
    before = now;
  }
  return {};
}

}  // namespace quant
