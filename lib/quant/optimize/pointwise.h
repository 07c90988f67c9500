// SPDX-License-Identifier: MIT
// Chains of element-wise functions as one lookup table: x·sigmoid(x), x·clip(x+3, 0, 6)/6 and the
// like are each a function of one 8-bit value.
#pragma once

#include <vector>

#include "quant/graph/graph.h"
#include "quant/tensor/quant_params.h"

namespace quant {

class PointwiseChains {
 public:
  // `host[node]` nodes take no part.
  PointwiseChains(const Graph& graph, const std::vector<bool>& host);

  // The value that `id` is a function of, element by element; `id` itself where it is made
  // otherwise.
  ValueId root(ValueId id) const { return root_[static_cast<std::size_t>(id)]; }
  // Whether integers of `id` must exist: something other than a chain on the same root reads it.
  bool is_materialized(ValueId id) const { return materialized_[static_cast<std::size_t>(id)]; }

  // The outputs of the chain from root(id) to `id` for every integer of the input's type (256 or
  // 65536), computed in float32 by the float operators, then quantized to `output`. What the model
  // quantizes on the way is rounded there too. Also appends the names of the ONNX nodes passed.
  Result<Tensor> table(ValueId id, const QuantParams& input, const QuantParams& output,
                       std::vector<std::string>& original_names) const;

 private:
  const Graph& graph_;
  std::vector<std::optional<std::size_t>> producers_;
  std::vector<ValueId> root_;
  std::vector<bool> materialized_;
};

// Real values as their integers under `params` (one scale) stand for them.
Tensor rounded_to(const Tensor& reals, const QuantParams& params);

// The table between two parameters of the same real values.
Tensor requantization_table(const QuantParams& input, const QuantParams& output);

}  // namespace quant
