// SPDX-License-Identifier: MIT
#include "quant/graph/operators/computed_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace quant {
namespace {

class ComputedNode final : public PreparedNode {
 public:
  ComputedNode(Node node, InferFunction infer, ComputeFunction compute, BufferFill fill,
               std::vector<TensorType> fixed)
      : node_(std::move(node)),
        infer_(infer),
        compute_(compute),
        fill_(fill),
        fixed_(std::move(fixed)) {}

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
    std::vector<TensorType> inferred;
    if (fixed_.empty()) {
      QUANT_TRY_ASSIGN(inferred, infer_(context));
    }
    outputs.clear();
    bool any_elements = false;
    for (const TensorType& type : fixed_.empty() ? inferred : fixed_) {
      QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(type.shape));
      any_elements = any_elements || count > 0;
      outputs.push_back(compute_ == nullptr ? inputs[0]->reshaped(type.shape)
                                            : Tensor(type.type, type.shape, fill_));
    }
    if (compute_ != nullptr && any_elements) QUANT_TRY(compute_(context, outputs));
    if (!node_.outputs.empty()) outputs.resize(node_.outputs.size());
    return {};
  }

  const Node node_;
  const InferFunction infer_;
  const ComputeFunction compute_;
  const BufferFill fill_;
  const std::vector<TensorType> fixed_;  // of the outputs; none where a run decides them
};

// Whether nothing that only a run knows can change the outputs' types or make a check fail: of the
// inputs, real numbers decide neither.
bool types_are_fixed(const NodeContext& context, const std::vector<TensorType>& inferred) {
  for (std::size_t i = 0; i < context.types.size(); ++i) {
    if (context.types[i] != nullptr && context.constants[i] == nullptr &&
        context.types[i]->type != DataType::kFloat32)
      return false;
  }
  return std::ranges::all_of(inferred,
                             [](const TensorType& type) { return is_static(type.shape); });
}

}  // namespace

Result<std::unique_ptr<PreparedNode>> prepare_computed(const NodeContext& context,
                                                       InferFunction infer, ComputeFunction compute,
                                                       BufferFill fill) {
  QUANT_TRY_ASSIGN(std::vector<TensorType> inferred, infer(context));
  if (context.node.outputs.size() > inferred.size()) {
    return fail(ErrorCode::kInvalidData, fmt::format("has {} outputs, the operator makes {}",
                                                     context.node.outputs.size(), inferred.size()));
  }
  if (!types_are_fixed(context, inferred)) inferred.clear();
  return std::make_unique<ComputedNode>(context.node, infer, compute, fill, std::move(inferred));
}

}  // namespace quant
