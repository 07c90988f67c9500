// SPDX-License-Identifier: MIT
#include "quant/engine/integer_executor.h"

#include <fmt/format.h>

namespace quant {

using Kind = IntegerPlan::Buffer::Kind;

IntegerExecutor::IntegerExecutor(std::shared_ptr<const IntegerPlan> plan, int threads)
    : plan_(std::move(plan)),
      pool_(threads),
      arena_(plan_->arena_bytes()),
      scratch_(plan_->scratch_bytes(pool_.threads())),
      buffers_(plan_->buffers().size(), nullptr) {
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

Status IntegerExecutor::run(const Tensor& frame, std::vector<Tensor>& outputs) {
  const Shape& input = plan_->graph().value(plan_->graph().inputs[0]).shape;
  const Shape pixels = {input[2], input[3], input[1]};
  const Shape batch = {1, input[2], input[3], input[1]};
  if (frame.type() != DataType::kUint8 || (frame.shape() != pixels && frame.shape() != batch)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the frame is {} {}, the model takes uint8 {}", to_string(frame.type()),
                            to_string(frame.shape()), to_string(batch)));
  }
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const IntegerPlan::Buffer& buffer = plan_->buffers()[i];
    if (buffer.kind == Kind::kFrame) {
      // Steps only read the frame.
      buffers_[i] = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(frame.raw()));
    } else if (buffer.kind == Kind::kOutput) {
      buffers_[i] =
          reinterpret_cast<std::uint8_t*>(outputs[static_cast<std::size_t>(buffer.value)].raw());
    }
  }
  const StepContext context{buffers_.data(), scratch_.data(), pool_};
  for (const IntegerStep& step : plan_->steps()) step.run(context);
  return {};
}

}  // namespace quant
