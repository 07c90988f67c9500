// SPDX-License-Identifier: MIT
#include "quant/backend/emulator.h"

#include "quant/base/buffer_cache.h"
#include "quant/engine/integer_executor.h"
#include "quant/engine/memory_order.h"

namespace quant {
namespace {

class Emulator : public Backend {
 public:
  Emulator(std::shared_ptr<const IntegerPlan> plan, int threads)
      : executor_(std::move(plan), threads) {
    const Graph& graph = executor_.plan().graph();
    for (const ValueId id : graph.inputs) {
      const Value& value = graph.value(id);
      inputs_.push_back({value.name, value.type, input_shape_in_memory(value.shape)});
    }
    for (const ValueId id : executor_.plan().outputs()) {
      const Value& value = graph.value(id);
      outputs_.push_back({value.name, value.type, value.shape});
      params_.push_back(*value.quant);
    }
  }

  const char* name() const override { return "emulator"; }
  std::string description() const override { return to_string(executor_.plan().isa()); }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& inputs() const override { return inputs_; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  const std::vector<QuantParams>& output_params() const override { return params_; }

  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) override {
    {
      // Last frame's outputs, where their holder has let go of them.
      const BufferCache::Scope scope(*memory_);
      outputs.clear();
      outputs = executor_.make_outputs();
      memory_->trim();
    }
    return executor_.run(inputs, outputs);
  }

 private:
  IntegerExecutor executor_;
  std::shared_ptr<BufferCache> memory_ = BufferCache::create();
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<QuantParams> params_;
};

}  // namespace

std::unique_ptr<Backend> make_emulator(std::shared_ptr<const IntegerPlan> plan, int threads) {
  return std::make_unique<Emulator>(std::move(plan), threads);
}

}  // namespace quant
