// SPDX-License-Identifier: MIT
// Operators that are two functions: one infers types and shapes, one computes. The first also runs
// before every computation, with all inputs known, so shapes and indices that come at run time are
// checked by the same code as constant ones.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "quant/graph/operator.h"

namespace quant {

using InferFunction = Result<std::vector<TensorType>> (*)(const NodeContext&);
// `context.constants` has every input that is there. `outputs` are tensors of the inferred types
// and shapes, filled as the operator asks, at least one of them with elements: where all are empty
// there is nothing to compute. Trusts whatever the infer function checks.
using ComputeFunction = Status (*)(const NodeContext& context, std::span<Tensor> outputs);

// Without `compute` output 0 is input 0 under the inferred shape, sharing its elements.
Result<std::unique_ptr<PreparedNode>> prepare_computed(const NodeContext& context,
                                                       InferFunction infer, ComputeFunction compute,
                                                       BufferFill fill);

template <InferFunction kInfer, ComputeFunction kCompute, BufferFill kFill>
Result<std::unique_ptr<PreparedNode>> prepare_computed(const NodeContext& context) {
  return prepare_computed(context, kInfer, kCompute, kFill);
}

// Outputs start as zeros, unless `compute` writes every element and says so with kUndefined.
template <InferFunction kInfer, ComputeFunction kCompute, BufferFill kFill = BufferFill::kZero>
constexpr Operator computed_operator(OpKind kind, int min_inputs, int max_inputs) {
  return {kind, min_inputs, max_inputs, kInfer, prepare_computed<kInfer, kCompute, kFill>};
}

}  // namespace quant
