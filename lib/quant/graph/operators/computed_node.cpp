// SPDX-License-Identifier: MIT
#include "quant/graph/operators/computed_node.h"

#include <fmt/format.h>

#include <new>
#include <utility>

namespace quant {
namespace {

class ComputedNode final : public PreparedNode {
 public:
  ComputedNode(Node node, InferFunction infer, ComputeFunction compute, BufferFill fill)
      : node_(std::move(node)), infer_(infer), compute_(compute), fill_(fill) {}

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    try {
      return run_or_throw(inputs, outputs);
    } catch (const std::bad_alloc&) {
      return fail(ErrorCode::kOutOfRange, "there is not enough memory for its outputs");
    }
  }

 private:
  Status run_or_throw(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) {
    std::vector<TensorType> types(inputs.size());
    NodeContext context{node_, std::vector<const TensorType*>(inputs.size(), nullptr),
                        std::vector<const Tensor*>(inputs.begin(), inputs.end())};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == nullptr) continue;
      types[i] = {inputs[i]->type(), inputs[i]->shape()};
      context.types[i] = &types[i];
    }
    QUANT_TRY_ASSIGN(std::vector<TensorType> inferred, infer_(context));
    outputs.clear();
    bool any_elements = false;
    for (TensorType& type : inferred) {
      QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(type.shape));
      any_elements = any_elements || count > 0;
      outputs.push_back(compute_ == nullptr ? inputs[0]->reshaped(std::move(type.shape))
                                            : Tensor(type.type, std::move(type.shape), fill_));
    }
    if (compute_ != nullptr && any_elements) QUANT_TRY(compute_(context, outputs));
    if (!node_.outputs.empty()) outputs.resize(node_.outputs.size());
    return {};
  }

  const Node node_;
  const InferFunction infer_;
  const ComputeFunction compute_;
  const BufferFill fill_;
};

}  // namespace

Result<std::unique_ptr<PreparedNode>> prepare_computed(const NodeContext& context,
                                                       InferFunction infer, ComputeFunction compute,
                                                       BufferFill fill) {
  QUANT_TRY_ASSIGN(const std::vector<TensorType> inferred, infer(context));
  if (context.node.outputs.size() > inferred.size()) {
    return fail(ErrorCode::kInvalidData, fmt::format("has {} outputs, the operator makes {}",
                                                     context.node.outputs.size(), inferred.size()));
  }
  return std::make_unique<ComputedNode>(context.node, infer, compute, fill);
}

}  // namespace quant
