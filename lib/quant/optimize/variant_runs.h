// SPDX-License-Identifier: MIT
// Runs an integer graph and its variants on the same few frames: what algorithms that try things
// spend their time with.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quant/base/thread_pool.h"
#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Each thread takes whole frames. What a graph has in common with the one that ran before it, from
// the frame on and by the names of its values, is not computed again: tensors at the edge between
// the two are kept. Results are those of IntegerExecutor, bit for bit. One thread at a time.
class VariantRuns {
 public:
  // `frames`: inputs of the float graph that all variants were lowered from.
  VariantRuns(std::vector<std::vector<Tensor>> frames, int threads);

  std::size_t frames() const { return count_; }
  // At most so many visits at a time.
  std::size_t lanes() const { return static_cast<std::size_t>(pool_.threads()); }

  // Takes the raw outputs of a frame, in the order of the graph's and row-major; they last for the
  // call. Calls for different frames come at the same time, from lanes 0 … lanes() − 1, in any
  // order.
  using Visit =
      std::function<Status(std::size_t frame, std::size_t lane, std::span<const Tensor> outputs)>;
  // For what depends on the order of frames: called behind the visit of the same frame, from its
  // lane, in the order of frames and one at a time.
  using Settle = std::function<Status(std::size_t frame, std::size_t lane)>;

  // Every `stride`-th frame, from the first on. `spec`: how frames become the graph's inputs.
  // `settle` may be empty. Errors of IntegerPlan, visits and settling; of several the one of the
  // first frame.
  Status run(const Graph& graph, const InputSpec& spec, std::size_t stride, const Visit& visit,
             const Settle& settle = {});

 private:
  // Integer tensors by frame, as an executor takes them.
  using Kept = std::map<std::string, std::vector<Tensor>>;

  void refresh_inputs(const Graph& graph, const InputSpec& spec);
  Status run_part(const Graph& part, std::size_t outputs, std::size_t stride, const Visit& visit,
                  const Settle& settle);

  std::size_t count_;
  std::vector<std::vector<Tensor>> frames_;  // empty where inputs_ stay as they are: pixels
  ThreadPool pool_;
  std::optional<Graph> last_;
  std::size_t stride_ = 1;
  Kept inputs_;  // of the last graph
  Kept kept_;    // made by it
};

}  // namespace quant
