// SPDX-License-Identifier: MIT
// What some layers of a quantized network read, and the same tensors of its float network.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph/graph.h"

namespace quant {

// Runs no more of either network than it takes. One thread at a time.
class LayerInputs {
 public:
  // `nodes` of `integer`, which was lowered from `float_graph`. Errors of both executors.
  static Result<LayerInputs> create(const Graph& integer, const Graph& float_graph,
                                    std::span<const std::size_t> nodes, int threads);

  // One frame, as inputs of the integer graph and of the float graph. Errors of both executors.
  Status run(std::span<const Tensor> integers, std::span<const Tensor> reals);

  // Of nodes[i], for the frame that ran last. Feature maps are (1, C, H, W).
  const Tensor& integers(std::size_t i) const { return integers_[wanted_[i]]; }
  // Not where there is no such tensor, its scale is not one for all of it, or it is an input of the
  // network, in which both agree.
  bool has_reals(std::size_t i) const { return from_float_[wanted_[i]].has_value(); }
  // Precondition: has_reals(i).
  const Tensor& reals(std::size_t i) const { return reals_[*from_float_[wanted_[i]]]; }

 private:
  LayerInputs() = default;
  Status find_integers(const Graph& integer, std::span<const std::size_t> nodes, int threads);
  Status find_reals(const Graph& integer, const Graph& float_graph, int threads);

  std::vector<ValueId> read_;                           // of the integer graph, each once
  std::vector<std::size_t> wanted_;                     // by node: place in read_
  std::vector<std::optional<std::size_t>> from_frame_;  // by place in read_: the graph's input
  std::vector<std::optional<std::size_t>> from_float_;  // by place in read_: the tensor in reals_
  std::unique_ptr<IntegerExecutor> integer_;
  std::optional<FloatExecutor> float_;
  std::vector<Tensor> computed_;
  std::vector<Tensor> integers_;  // by place in read_
  std::vector<Tensor> reals_;
};

}  // namespace quant
