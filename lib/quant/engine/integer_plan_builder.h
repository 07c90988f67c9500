// SPDX-License-Identifier: MIT
// Turns nodes into steps, one family of operators a file; keeps track of where every value lies and
// in which memory order. Used by IntegerPlan::create() alone.
#pragma once

#include <map>
#include <utility>

#include "quant/arithmetic/requantize.h"
#include "quant/engine/integer_plan.h"
#include "quant/engine/memory_order.h"

namespace quant {

class IntegerPlanBuilder {
 public:
  IntegerPlanBuilder(std::shared_ptr<const Graph> graph, const IntegerPlan::Options& options);
  Result<std::shared_ptr<const IntegerPlan>> build();

  // Where a value lies.
  struct Placement {
    int buffer = -1;
    MemoryOrder order;
  };

  const Graph& graph() const { return *plan_->graph_; }
  Isa isa() const { return plan_->isa_; }
  const Shape& shape(ValueId id) const { return graph().value(id).shape; }
  // Errors where the value has no parameters, or other than one scale and an integer zero point.
  Result<AffineParams> affine(ValueId id) const;
  Result<float> scale(ValueId id) const;
  // Of the node's first output: its zero point and the levels that a fused activation leaves.
  Result<OutputRange> output_range(const Node& node) const;

  const Placement& placement(ValueId id);
  // The value's buffer in that order; copies it there first where it lies otherwise.
  int buffer_in(ValueId id, const MemoryOrder& order, const std::string& layer);
  // A new buffer for `id` in that order.
  int produce(ValueId id, MemoryOrder order);
  // `id` lies where `source` lies, under another order: nothing moves.
  void alias(ValueId id, int buffer, MemoryOrder order);
  void add_step(IntegerStep step);

 private:
  Status add_node(const Node& node);
  int add_buffer(IntegerPlan::Buffer::Kind kind, std::size_t bytes, ValueId value);
  void place_arena();

  std::shared_ptr<IntegerPlan> plan_;
  std::vector<ValueId> keep_;
  std::vector<Placement> placements_;  // by ValueId
  std::map<std::pair<ValueId, MemoryOrder>, int> reordered_;
};

// One family each; false where the node is not of the family.
Result<bool> plan_weighted(IntegerPlanBuilder& builder,
                           const Node& node);  // Conv, ConvTranspose, Gemm, MatMul
Result<bool> plan_elementwise(IntegerPlanBuilder& builder,
                              const Node& node);  // Add, Sub, Mul, Div, Lookup, PRelu
Result<bool> plan_spatial(IntegerPlanBuilder& builder,
                          const Node& node);  // pooling, Resize, norms, Softmax, Reduce*
Result<bool> plan_movement(IntegerPlanBuilder& builder,
                           const Node& node);  // Concat, Reshape, Transpose, Slice, …

}  // namespace quant
