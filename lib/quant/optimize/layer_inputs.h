// SPDX-License-Identifier: MIT
// What some layers of a quantized network read, and the same tensors of its float network.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "quant/engine/float_executor.h"
#include "quant/graph/graph.h"
#include "quant/optimize/variant_runs.h"

namespace quant {

// Runs no more of either network than it takes. One thread at a time.
class LayerInputs {
 public:
  // `nodes` of `integer`, which was lowered from `float_graph`; `lanes` as the runs have that are
  // given to run(). Errors of FloatExecutor.
  static Result<LayerInputs> create(const Graph& integer, const Graph& float_graph,
                                    std::span<const std::size_t> nodes, std::size_t lanes);

  // Not where there is no such tensor, its scale is not one for all of it, or it is an input of the
  // network, in which both agree.
  bool has_reals(std::size_t i) const { return from_float_[wanted_[i]].has_value(); }

  // Of one frame. Feature maps are (1, C, H, W).
  class Seen {
   public:
    // What nodes[i] reads.
    const Tensor& integers(std::size_t i) const { return integers_[inputs_.wanted_[i]]; }
    // Precondition: has_reals(i).
    const Tensor& reals(std::size_t i) const {
      return reals_[*inputs_.from_float_[inputs_.wanted_[i]]];
    }

   private:
    friend class LayerInputs;
    Seen(const LayerInputs& inputs, std::span<const Tensor> integers, std::span<const Tensor> reals)
        : inputs_(inputs), integers_(integers), reals_(reals) {}
    const LayerInputs& inputs_;
    std::span<const Tensor> integers_;
    std::span<const Tensor> reals_;
  };
  using Visit = std::function<Status(std::size_t frame, std::size_t lane, const Seen& seen)>;

  // `frames`: those of `runs`, as inputs of the float graph. Visits and settling as VariantRuns
  // does; errors of both executors and of these.
  Status run(VariantRuns& runs, const InputSpec& spec, std::span<const std::vector<Tensor>> frames,
             const Visit& visit, const VariantRuns::Settle& settle);

 private:
  LayerInputs() = default;

  Graph part_;                       // of the integer graph, with what is read as outputs
  std::vector<std::size_t> wanted_;  // by node: place among part_'s outputs
  std::vector<std::optional<std::size_t>> from_float_;  // by place there: the tensor in reals_
  std::vector<FloatExecutor> floats_;                   // by lane; none where no reals are there
  std::vector<std::vector<Tensor>> reals_;              // by lane
};

}  // namespace quant
