// SPDX-License-Identifier: MIT
// What a script comes to for every layer of a network, and which line decided it. Later lines
// override earlier ones, whatever they select by; settings of the whole network yield to both.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "quant/script/layer.h"
#include "quant/script/model_script.h"

namespace quant {

// Line 0: no line says so, it is the default.
template <typename Value>
struct Decided {
  Value value{};
  int line = 0;

  bool operator==(const Decided&) const = default;
};

struct EffectiveSettings {
  Layer layer;
  Decided<PrecisionMode> precision;
  Decided<BiasMode> bias_mode;
  Decided<int> quantization_groups{1};
  Decided<std::optional<int>> weight_group_size;
  Decided<std::optional<ValueRange>> force_range_out;
  Decided<std::optional<ValueRange>> force_range_in;           // of every input
  std::map<int, Decided<ValueRange>> force_range_in_by_index;  // set later than that of every input
  Decided<std::optional<int>> max_elementwise_feed_repeat;
  Decided<std::optional<bool>> activation_fit;
  Decided<std::optional<double>> null_channels_cutoff_factor;
  Decided<std::optional<ActivationClipping>> activation_clipping;
  Decided<std::optional<WeightsClipping>> weights_clipping;
  Decided<std::optional<OutputActivationKind>> output_activation;
  Decided<int> negative_exponent_rank;
  Decided<bool> matmul_equalization;
};

struct Resolution {
  std::vector<EffectiveSettings> layers;  // in the order of `layers`
  std::vector<Diagnostic> errors;         // selectors that match nothing, in the script's order
};

Resolution resolve_as_far_as_possible(const ModelScript& script, std::span<const Layer> layers);
// The same; errors as one NotFound whose message shows each with its place and line.
Result<std::vector<EffectiveSettings>> resolve(const ModelScript& script,
                                               std::span<const Layer> layers);

}  // namespace quant
