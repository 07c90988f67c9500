// SPDX-License-Identifier: MIT
// What of a network can have 16 bits instead of 8, and what that costs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/optimize/layer_plan.h"
#include "quant/optimize/observer.h"

namespace quant {

// The activations that a layer puts out (then its maker puts out 16 bits and all readers read
// them), or its weights.
struct PrecisionPart {
  std::size_t node = 0;
  bool weights = false;
};

// Choices are one flag a part: true where it has 16 bits.
class PrecisionParts {
 public:
  // Parts that have 16 bits in `plan` are none: they stay. Errors of lower().
  static Result<PrecisionParts> find(std::shared_ptr<const Graph> graph, const InputSpec& input,
                                     const std::vector<Range>& ranges, QuantizationPlan plan);

  std::size_t count() const { return parts_.size(); }
  // Readers read what is put out, and what only passes activations on puts out 16 bits where any
  // of them has.
  QuantizationPlan plan_of(const std::vector<bool>& wide) const;
  // Σ multiplications · input bits · weight bits, of one frame.
  double bit_operations(const QuantizationPlan& plan) const;
  // The same, and one operation for each wide element that is read: something, for work that is no
  // multiplication.
  double cost(const std::vector<bool>& wide) const;
  // Sets of parts that are worth promoting at once: each part alone, and the activations that meet
  // at a reader, which reads 16 bits for all of them where one has.
  const std::vector<std::vector<std::size_t>>& moves() const { return moves_; }

 private:
  PrecisionParts() = default;
  Status find_parts(const InputSpec& input, const std::vector<Range>& ranges);
  void find_moves();
  bool makes_activations(std::size_t node) const;

  std::shared_ptr<const Graph> graph_;
  QuantizationPlan plan_;
  std::vector<bool> host_;
  std::vector<double> multiplications_;
  std::vector<PrecisionPart> parts_;
  std::vector<std::vector<std::size_t>> moves_;
};

// Multiplications of one frame in the layers with weights and in products of activations, by node.
std::vector<double> multiplications(const Graph& graph);

}  // namespace quant
