// SPDX-License-Identifier: MIT
// Turns nodes into steps, one family of operators a file; keeps track of where every value lies and
// in which memory order. Used by IntegerPlan::create() alone.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "quant/arithmetic/lookup_table.h"
#include "quant/engine/integer_plan.h"
#include "quant/engine/memory_order.h"
#include "quant/kernels/integer/strided_copy.h"

namespace quant {

class IntegerPlanBuilder {
 public:
  IntegerPlanBuilder(std::shared_ptr<const Graph> graph, const IntegerPlan::Options& options);
  Result<std::shared_ptr<const IntegerPlan>> build();

  // Where a value lies: dense, or in place in the output of the only concatenation that reads it.
  struct Placement {
    int buffer = -1;
    MemoryOrder order;
    std::vector<std::int64_t> strides;  // in elements, along the axes of its shape
    bool in_place = false;              // perhaps not dense: nothing else reads it
  };

  const Graph& graph() const { return *plan_->graph_; }
  Isa isa() const { return plan_->isa_; }
  const Shape& shape(ValueId id) const { return graph().value(id).shape; }
  // uint8 or uint16, where affine() gives no error.
  DataType type(ValueId id) const { return graph().value(id).type; }
  // Errors where the value is neither uint8 nor uint16, or has other parameters than one scale and
  // an integer zero point.
  Result<AffineParams> affine(ValueId id) const;
  Result<float> scale(ValueId id) const;
  bool per_channel(ValueId id) const {
    const auto& quant = graph().value(id).quant;
    return quant && quant->per_channel();
  }
  // Of the node's first output: its zero point and the levels that a fused activation leaves.
  Result<OutputRange> output_range(const Node& node) const;
  // The same where each channel may have parameters of its own, which lie along `axis`: no layer
  // computes with such a tensor.
  struct OutputParams {
    std::vector<float> scales;  // 1 or one per channel, as the ranges
    std::vector<OutputRange> ranges;
  };
  Result<OutputParams> output_params(const Node& node, std::size_t axis) const;
  // From the parameters of `from` to those of the node's first output; nothing where they are one.
  Result<std::optional<LookupTable>> requantize_table(ValueId from, const Node& node) const;

  // Copies a deferred value into place.
  const Placement& placement(ValueId id);
  // The order in which the value lies, or would lie once it is in place.
  const MemoryOrder& order(ValueId id);
  // How to copy the value out of a buffer, along the axes of its shape; where to, the caller says.
  struct Reading {
    int buffer = -1;
    integer::StridedCopySpec copy;
  };
  // In place or not: a deferred value goes straight to where its reader wants it.
  Reading reading(ValueId id);
  // `id` is what `source` reads, and is put in place, in that order, only where somebody asks for
  // its placement; `kernel` names that step.
  void defer(ValueId id, const Node& node, std::string kernel, Reading source, MemoryOrder order);
  // The value's buffer in that order; copies it there first where it lies otherwise.
  int buffer_in(ValueId id, const MemoryOrder& order, const std::string& layer);
  // A buffer for `id`, dense and in that order: a new one, or its part of the concatenation that
  // alone reads it.
  int produce(ValueId id, MemoryOrder order);
  // The same in channels_last_order() for a layer that can leave room between pixels.
  struct Pixels {
    int buffer = -1;
    std::int64_t stride = 0;  // elements from one pixel to the next
  };
  Pixels produce_pixels(ValueId id);
  // Whether somebody has produced it.
  bool is_placed(ValueId id) const { return placements_[static_cast<std::size_t>(id)].buffer >= 0; }
  bool is_in_place(ValueId id) const { return placements_[static_cast<std::size_t>(id)].in_place; }
  // `id` lies where `source` lies, under another order: nothing moves.
  void alias(ValueId id, int buffer, MemoryOrder order);
  void add_step(IntegerStep step);
  // A step that copies what `source` reads into the buffer `to`, as its out_strides say.
  void add_copy(std::string layer, std::string kernel, const Reading& source, int to);

 private:
  Status add_node(const Node& node);
  Status add_input(ValueId id, ValueId index);
  OutputRange range_of(const Node& node, float scale, float zero_point) const;
  std::size_t bytes_of(ValueId id) const;
  struct Deferred {
    std::string layer;
    std::string kernel;
    Reading source;
    MemoryOrder order;
  };
  void put_in_place(ValueId id, Deferred value);
  // Puts `id` into the output of a concatenation where that alone reads it, in that order and with
  // the same parameters, and if it is dense there, or only its pixels lie apart and may do so.
  bool make_in_place(ValueId id, const MemoryOrder& order, bool pixels_apart);
  int add_buffer(IntegerPlan::Buffer::Kind kind, std::size_t bytes, ValueId value);
  // The part of a buffer that begins at byte `offset`.
  int add_part(int buffer, std::size_t offset);
  int whole_of(int buffer) const;
  void place_arena();

  std::shared_ptr<IntegerPlan> plan_;
  std::vector<ValueId> keep_;
  std::vector<std::vector<const Node*>> readers_;  // by ValueId, once for each reading
  std::vector<Placement> placements_;              // by ValueId
  std::map<ValueId, Deferred> deferred_;
  std::map<std::pair<ValueId, MemoryOrder>, int> reordered_;
  struct Part {
    int whole = -1;
    std::size_t offset = 0;
  };
  std::map<int, Part> parts_;  // by buffer
};

// table[q] = second[first[q]].
LookupTable composed(const LookupTable& first, const LookupTable& second);

// A node's attribute `axis`: counted from the end where it is negative.
Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank);
// Of a layer that moves elements and must not change their parameters.
tl::unexpected<Error> fail_with_other_params();

// One family each; false where the node is not of the family.
Result<bool> plan_weighted(IntegerPlanBuilder& builder,
                           const Node& node);  // Conv, ConvTranspose, Gemm, MatMul
Result<bool> plan_elementwise(IntegerPlanBuilder& builder,
                              const Node& node);  // Add, Sub, Mul, Div, Lookup, Requantize, PRelu
Result<bool> plan_spatial(IntegerPlanBuilder& builder,
                          const Node& node);  // pooling, Resize, norms, Softmax, Reduce*
Result<bool> plan_movement(IntegerPlanBuilder& builder,
                           const Node& node);  // Reshape, Transpose, Slice, …
Result<bool> plan_concat(IntegerPlanBuilder& builder, const Node& node);

}  // namespace quant
