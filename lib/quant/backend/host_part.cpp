// SPDX-License-Identifier: MIT
#include "quant/backend/host_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "quant/base/buffer_cache.h"
#include "quant/engine/float_executor.h"
#include "quant/kernels/relayout/dequantize_tensor.h"

namespace quant {
namespace {

class GraphHostPart : public HostPart {
 public:
  GraphHostPart(std::vector<QuantParams> params, std::vector<TensorDequantizer> values,
                std::shared_ptr<const Graph> graph, std::optional<FloatExecutor> tail)
      : params_(std::move(params)),
        values_(std::move(values)),
        graph_(std::move(graph)),
        tail_(std::move(tail)) {}

  Status run(std::span<const Tensor> raw, std::vector<Tensor>& outputs) override {
    QUANT_TRY(check_count(raw.size()));
    std::vector<Tensor> reals;
    {
      const BufferCache::Scope scope(*memory_);
      outputs.clear();
      for (std::size_t i = 0; i < raw.size(); ++i) {
        QUANT_TRY(check(raw[i], params_[i].type, i));
        reals.push_back(values_[i].run(raw[i].raw()));
      }
      memory_->trim();
    }
    return run_tail(std::move(reals), outputs);
  }

  Status run_real(std::vector<Tensor> reals, std::vector<Tensor>& outputs) override {
    QUANT_TRY(check_count(reals.size()));
    for (std::size_t i = 0; i < reals.size(); ++i) {
      QUANT_TRY(check(reals[i], DataType::kFloat32, i));
    }
    return run_tail(std::move(reals), outputs);
  }

 private:
  Status check_count(std::size_t count) const {
    if (count == params_.size()) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} raw tensors, the model has {}", count, params_.size()));
  }

  Status check(const Tensor& tensor, DataType type, std::size_t i) const {
    const Value& value = graph_->value(graph_->inputs[i]);
    if (tensor.type() == type && tensor.shape() == value.shape) return {};
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("is {} {}, the model makes {} {}", to_string(tensor.type()),
                            to_string(tensor.shape()), to_string(type), to_string(value.shape)),
                value.name);
  }

  Status run_tail(std::vector<Tensor> reals, std::vector<Tensor>& outputs) {
    const BufferCache::Scope scope(*memory_);
    outputs.clear();
    if (tail_) return tail_->run(reals, outputs);
    for (const ValueId id : graph_->outputs) {
      const auto input =
          std::find(graph_->inputs.begin(), graph_->inputs.end(), id) - graph_->inputs.begin();
      outputs.push_back(reals[static_cast<std::size_t>(input)]);
    }
    return {};
  }

  std::vector<QuantParams> params_;
  std::vector<TensorDequantizer> values_;  // one per raw output
  std::shared_ptr<const Graph> graph_;
  std::optional<FloatExecutor> tail_;
  std::shared_ptr<BufferCache> memory_ = BufferCache::create();
};

}  // namespace

Result<std::unique_ptr<HostPart>> make_host_part(std::vector<QuantParams> raw_params,
                                                 std::shared_ptr<const Graph> host, int threads) {
  std::optional<FloatExecutor> tail;
  if (!host->nodes.empty()) {
    QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(host, threads));
    tail.emplace(std::move(executor));
  }
  std::vector<TensorDequantizer> values;
  for (std::size_t i = 0; i < raw_params.size(); ++i) {
    const Value& value = host->value(host->inputs[i]);
    auto prepared = TensorDequantizer::create(raw_params[i].type, value.shape, raw_params[i]);
    if (!prepared) return fail_with_context(std::move(prepared).error(), value.name);
    values.push_back(std::move(*prepared));
  }
  return std::make_unique<GraphHostPart>(std::move(raw_params), std::move(values), std::move(host),
                                         std::move(tail));
}

}  // namespace quant
