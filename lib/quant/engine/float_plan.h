// SPDX-License-Identifier: MIT
// The nodes that some values of a graph need, prepared and in order, and where each tensor dies.
// Inner part of FloatExecutor.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "quant/base/workspace.h"
#include "quant/graph/graph.h"
#include "quant/graph/operator.h"

namespace quant {

// One thread at a time.
class FloatPlan {
 public:
  // `wanted` are valid values of `graph`, in any order, repeated or not. Keeps its own copy of the
  // graph (whose constants are shared).
  static Result<std::unique_ptr<FloatPlan>> create(Graph graph, std::vector<ValueId> wanted);

  // `inputs` were checked against the graph. `results` gets one tensor per wanted value; those may
  // share memory with inputs, constants and one another, with nothing that lives in the plan.
  // Errors name the node.
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& results);

 private:
  struct Step {
    std::size_t node = 0;
    std::unique_ptr<PreparedNode> prepared;
    // The input types it is prepared for; -1 and a missing preparation where they are not known
    // yet.
    std::vector<TensorType> types;
    bool fixed = false;  // they were known in advance, so that every run brings the same
    std::vector<const Tensor*> inputs;  // of the current run, and what it makes
    std::vector<Tensor> outputs;
    std::vector<ValueId> last_uses;  // tensors that nobody reads after this step
    bool makes_result = false;       // what outlives the run is not made in the workspace
  };

  Status prepare(Step& step, std::span<const Tensor* const> inputs);
  Status run_step(Step& step);

  Graph graph_;
  std::vector<ValueId> wanted_;
  std::vector<Step> steps_;
  std::shared_ptr<Workspace> workspace_ = Workspace::create();
  std::vector<std::optional<Tensor>> values_;  // one per graph value while it lives
};

}  // namespace quant
