// SPDX-License-Identifier: MIT
// Runs a graph in float: the contexts native and fp-optimized, calibration, and the host part
// behind an integer network.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "quant/graph/graph.h"

namespace quant {

// One thread at a time. Executors of one graph share its weights, not their packed copies.
class FloatExecutor {
 public:
  // Prepares every node whose input shapes are known; the others are prepared when they first run,
  // and again when shapes change. `threads` is for the heavy operators; with 1 a result never
  // depends on the machine's load or number of cores. Errors name the node.
  static Result<FloatExecutor> create(std::shared_ptr<const Graph> graph, int threads = 1);
  FloatExecutor(FloatExecutor&&) noexcept;
  FloatExecutor& operator=(FloatExecutor&&) noexcept;
  ~FloatExecutor();

  // `inputs` match graph().inputs in order, type and shape (-1 there takes any size), else
  // InvalidArgument naming the input. `outputs` gets one tensor per graph().outputs: memory of the
  // caller's own, shared with no input, no other output and nothing inside.
  Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs);

  // The same for any values of the graph, inputs and constants included, in the order of `taps`.
  // Keeps its preparation as long as the next call names the same values.
  Status run_with_taps(std::span<const Tensor> inputs, std::span<const ValueId> taps,
                       std::vector<Tensor>& tapped);

  const Graph& graph() const;

 private:
  struct State;
  explicit FloatExecutor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace quant
